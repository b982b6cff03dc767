# SPDX-License-Identifier: MIT
# A Ruby client that connects again when the server has hung up, and keeps the old socket.
# --fixed: it closes the old one first.
require 'socket'

REQUESTS = 3
HANGUPS = 2

$stdout.sync = true
is_fixed = ARGV.include?('--fixed')
puts is_fixed ? 'EXPECT none' : "EXPECT cause=replaced-by-reconnect verdict=leak count=#{HANGUPS}"
puts "UPSTREAM #{REQUESTS} #{HANGUPS}"
port = $stdin.gets.to_i
kept = []
REQUESTS.times do |i|
  connection = TCPSocket.new('127.0.0.1', port)
  connection.write('hi')
  raise 'no answer' unless connection.readpartial(6) == 'answer'

  kept << connection
  next unless i < HANGUPS

  raise 'no end' if connection.read(1)

  connection.close if is_fixed
  sleep 0.1 # the next connection is clearly later
end
puts 'READY'
nil while $stdin.gets
