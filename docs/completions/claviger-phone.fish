# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_claviger_phone_global_optspecs
    string join \n state-dir= h/help V/version
end

function __fish_claviger_phone_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_claviger_phone_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_claviger_phone_using_subcommand
    set -l cmd (__fish_claviger_phone_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -l state-dir -d 'The folder of keys, pairings and the audit list [default: $XDG_STATE_HOME/claviger-phone]' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -s h -l help -d 'Print help'
complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -s V -l version -d 'Print version'
complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -f -a "run" -d 'Serve paired computers until it is ended'
complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -f -a "pair" -d 'Let a computer be paired, within two minutes'
complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -f -a "list" -d 'Show the paired computers and the keys'
complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -f -a "forget" -d 'End a pairing'
complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -f -a "unlock" -d 'Make the keys usable'
complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -f -a "lock" -d 'Make the keys unusable until they are unlocked, and take back what was allowed for a while'
complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -f -a "log" -d 'Show what computers asked for, and what came of it'
complete -c claviger-phone -n "__fish_claviger_phone_needs_command" -f -a "init" -d 'Make the sealed store for the keys'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -l serial -d 'Serve a serial line: a USB gadget\'s, or any other tty' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -l listen -d 'Listen at a unix socket' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -l connect -d 'Connect to a socket of this device, again and again: unix:PATH, abstract:NAME or tcp:127.0.0.1:PORT' -r
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -l approve -d 'How you are asked: notification, terminal, or policy:FILE, where rules answer instead of you' -r
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -l module -d 'Where the keys are: in the sealed store, or on a card in a reader of this device' -r -f -a "soft\t'In the sealed store'
card\t'On a card'"
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -l name -d 'What computers call this device [default: its host name]' -r
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -l passphrase-fd -d 'Read the pass phrase (or the card\'s PIN) from that descriptor' -r
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -l passphrase-file -d 'Read it from that file; `-` is standard input' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -l state-dir -d 'The folder of keys, pairings and the audit list [default: $XDG_STATE_HOME/claviger-phone]' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -l rfcomm -d 'Offer the service over Bluetooth (BlueZ)'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand pair" -l uri-fd -d 'Read the pairing URI from that descriptor instead of standard input' -r
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand pair" -l state-dir -d 'The folder of keys, pairings and the audit list [default: $XDG_STATE_HOME/claviger-phone]' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand pair" -l numbers -d 'Compare six digits instead of reading a pairing URI'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand pair" -s h -l help -d 'Print help'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand list" -l state-dir -d 'The folder of keys, pairings and the audit list [default: $XDG_STATE_HOME/claviger-phone]' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand list" -l json -d 'For scripts: JSON'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand list" -s h -l help -d 'Print help'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand forget" -l state-dir -d 'The folder of keys, pairings and the audit list [default: $XDG_STATE_HOME/claviger-phone]' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand forget" -s h -l help -d 'Print help'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand unlock" -l passphrase-fd -d 'Read the pass phrase (or the card\'s PIN) from that descriptor' -r
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand unlock" -l passphrase-file -d 'Read it from that file; `-` is standard input' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand unlock" -l state-dir -d 'The folder of keys, pairings and the audit list [default: $XDG_STATE_HOME/claviger-phone]' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand unlock" -s h -l help -d 'Print help'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand lock" -l state-dir -d 'The folder of keys, pairings and the audit list [default: $XDG_STATE_HOME/claviger-phone]' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand lock" -s h -l help -d 'Print help'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand log" -l state-dir -d 'The folder of keys, pairings and the audit list [default: $XDG_STATE_HOME/claviger-phone]' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand log" -l json -d 'For scripts: JSON'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand log" -s h -l help -d 'Print help'
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand init" -l passphrase-fd -d 'Read the pass phrase (or the card\'s PIN) from that descriptor' -r
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand init" -l passphrase-file -d 'Read it from that file; `-` is standard input' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand init" -l state-dir -d 'The folder of keys, pairings and the audit list [default: $XDG_STATE_HOME/claviger-phone]' -r -F
complete -c claviger-phone -n "__fish_claviger_phone_using_subcommand init" -s h -l help -d 'Print help'
