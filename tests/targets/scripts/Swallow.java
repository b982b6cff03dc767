// SPDX-License-Identifier: MIT
// A Java server with a thread for each connection, whose code fails when the connection has ended:
// the exception is swallowed, and nobody closes.
// --fixed: try-with-resources.
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;

public class Swallow {
	static final int CLIENTS = 3;
	static final List<Socket> kept = new ArrayList<>();

	static void readAll(Socket socket) throws IOException {
		byte[] data = new byte[100];

		while (socket.getInputStream().read(data) >= 0)
			;
	}

	static void serveAndFail(Socket socket) {
		try {
			readAll(socket);
			throw new IllegalStateException("a request is missing");
		} catch (IOException | RuntimeException e) {
			// nobody will ever know
		}
	}

	static void serveWell(Socket socket) {
		try (Socket own = socket) {
			readAll(own);
		} catch (IOException e) {
			throw new IllegalStateException(e);
		}
	}

	public static void main(String[] words) throws Exception {
		boolean isFixed = List.of(words).contains("--fixed");
		ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
		List<Thread> threads = new ArrayList<>();

		System.out.println(isFixed ? "EXPECT none"
				   : "EXPECT cause=eof-read-not-closed verdict=leak count=" + CLIENTS);
		System.out.println("CLIENTS " + listener.getLocalPort() + " " + CLIENTS + " drop");
		for (int i = 0; i < CLIENTS; i++) {
			Socket socket = listener.accept();
			Thread thread = new Thread(isFixed ? () -> serveWell(socket) : () -> serveAndFail(socket));

			kept.add(socket);
			threads.add(thread);
			thread.start();
		}
		for (Thread thread : threads)
			thread.join();
		System.out.println("READY");
		while (System.in.read() >= 0)
			;
	}
}
