# SPDX-License-Identifier: MIT
# A Tcl server that reads each channel to its end and keeps it.  Tcl closes all channels in exit,
# before the process calls exit().
# --fixed: the channel is closed.
set clients 3
set is_fixed [expr {"--fixed" in $argv}]
fconfigure stdout -buffering line
puts [expr {$is_fixed ? "EXPECT none"
            : "EXPECT cause=eof-read-not-closed verdict=leak count=$clients"}]
set served 0

proc serve {channel address port} {
    fconfigure $channel -blocking 0
    fileevent $channel readable [list drain $channel]
}

proc drain {channel} {
    global served is_fixed
    read $channel
    if {![eof $channel]} return
    fileevent $channel readable {}
    if {$is_fixed} {close $channel}
    incr served
}

set listener [socket -server serve -myaddr 127.0.0.1 0]
puts "CLIENTS [lindex [fconfigure $listener -sockname] 2] $clients drop"
while {$served < $clients} {vwait served}
puts READY
while {[gets stdin] ne ""} {}
