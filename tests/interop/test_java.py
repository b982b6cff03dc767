# SPDX-License-Identifier: MIT
"""java: a server with a thread per connection; the JVM closes by dup2() of a marker descriptor."""

import lines
import servers

PROGRAM = """\
import java.io.*;
import java.net.*;

public class Server {
	static void serve(Socket socket) {
		try (socket;
		     var in = new BufferedReader(new InputStreamReader(socket.getInputStream()));
		     var out = socket.getOutputStream()) {
			for (String line; (line = in.readLine()) != null; )
				out.write((line.toUpperCase() + "\\n").getBytes());
		} catch (IOException e) {
			System.err.println(e);
		}
	}

	public static void main(String[] args) throws IOException {
		var loopback = InetAddress.getByName("127.0.0.1");
		try (var listener = new ServerSocket(Integer.parseInt(args[0]), 128, loopback)) {
			for (;;) {
				Socket socket = listener.accept();
				new Thread(() -> serve(socket)).start();
			}
		}
	}
}
"""


def scenario(run):
    port = servers.free_port()
    program = run.file("Server.java", PROGRAM)
    java = run.start("/usr/bin/java", "-Xmx64m", program, port, port=port)
    seen = lines.clients(port, 200, at_once=10, count=5)
    return [seen, run.stop(java)]


def test_java():
    servers.compare(scenario, "java", servers.version_of("/usr/bin/java", "--version"),
                    "200 clients, ten at a time, a thread each")
