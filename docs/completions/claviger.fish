# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_claviger_global_optspecs
    string join \n bus= json h/help V/version
end

function __fish_claviger_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_claviger_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_claviger_using_subcommand
    set -l cmd (__fish_claviger_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c claviger -n "__fish_claviger_needs_command" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_needs_command" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_needs_command" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_needs_command" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "status" -d 'Show who you are here, where your keys live, and what is unlocked'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "register" -d 'Apply for an account and make its first keys'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "consent" -d 'Enter the consent phrase that an administrator gave you'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "unlock" -d 'Unlock your local keys'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "lock" -d 'Lock your local keys: they are wiped from memory'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "passphrase" -d 'Change your pass phrase'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "recovery" -d 'Make a recovery code, or set a new pass phrase with one'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "backup" -d 'Write your keys, still sealed, to a file'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "restore" -d 'Take sealed keys back in from a file'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "key" -d 'Look at, make, take in, delete and name keys'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "token" -d 'List what your keys live on'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "card" -d 'Enrol, unlock and look after smart cards'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "phone" -d 'Pair phones and look after them'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "session" -d 'Look at your sessions, and bind them to tokens'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "removal" -d 'Show or set what happens to your sessions when their token is removed'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "sign" -d 'Sign a file'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "verify" -d 'Verify a file\'s signature: exit code 0 where it is right, 1 where it is wrong'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "encrypt" -d 'Encrypt a file to a key'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "decrypt" -d 'Decrypt a file'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "derive" -d 'Agree on a secret with a peer\'s public key'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "digest" -d 'Print a file\'s digest'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "random" -d 'Write random bytes'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "admin" -d 'Administer accounts'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "monitor" -d 'Show what happens, as it happens'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "doctor" -d 'Check the whole path to the key store and say what to mend'
complete -c claviger -n "__fish_claviger_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand status" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand status" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand status" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand status" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand register" -l keys -d 'Algorithms of the keys to make; the service\'s configuration says which unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand register" -l passphrase-fd -d 'Read it from this descriptor instead of asking; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand register" -l passphrase-file -d 'Read it from this file (- for standard input) instead of asking; one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand register" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand register" -l no-keys -d 'Make no keys yet'
complete -c claviger -n "__fish_claviger_using_subcommand register" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand register" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand register" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand consent" -l consent-fd -d 'Read it from this descriptor instead of asking; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand consent" -l consent-file -d 'Read it from this file (- for standard input) instead of asking; one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand consent" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand consent" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand consent" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand consent" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand unlock" -l idle -d 'Lock again after so many seconds without use; the service\'s configuration says how many unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand unlock" -l passphrase-fd -d 'Read it from this descriptor instead of asking; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand unlock" -l passphrase-file -d 'Read it from this file (- for standard input) instead of asking; one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand unlock" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand unlock" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand unlock" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand unlock" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand lock" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand lock" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand lock" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand lock" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand passphrase" -l passphrase-fd -d 'Read it from this descriptor instead of asking; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand passphrase" -l passphrase-file -d 'Read it from this file (- for standard input) instead of asking; one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand passphrase" -l new-passphrase-fd -d 'Read it from this descriptor instead of asking; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand passphrase" -l new-passphrase-file -d 'Read it from this file (- for standard input) instead of asking; one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand passphrase" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand passphrase" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand passphrase" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand passphrase" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and not __fish_seen_subcommand_from make use help" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and not __fish_seen_subcommand_from make use help" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and not __fish_seen_subcommand_from make use help" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and not __fish_seen_subcommand_from make use help" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and not __fish_seen_subcommand_from make use help" -f -a "make" -d 'Make a recovery code and print it, this once. A former one ends'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and not __fish_seen_subcommand_from make use help" -f -a "use" -d 'Set a new pass phrase with the recovery code'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and not __fish_seen_subcommand_from make use help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from make" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from make" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from make" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from make" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from use" -l code-fd -d 'Read it from this descriptor instead of asking; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from use" -l code-file -d 'Read it from this file (- for standard input) instead of asking; one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from use" -l new-passphrase-fd -d 'Read it from this descriptor instead of asking; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from use" -l new-passphrase-file -d 'Read it from this file (- for standard input) instead of asking; one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from use" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from use" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from use" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from use" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from help" -f -a "make" -d 'Make a recovery code and print it, this once. A former one ends'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from help" -f -a "use" -d 'Set a new pass phrase with the recovery code'
complete -c claviger -n "__fish_claviger_using_subcommand recovery; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand backup" -s o -l output -d 'Write to this file, not to standard output' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand backup" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand backup" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand backup" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand backup" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand restore" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand restore" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand restore" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand restore" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "list" -d 'List your keys'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "show" -d 'Show one key, or print its public key'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "generate" -d 'Make a key and print its id'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "import" -d 'Take a private key in from a file and print its id. Read are PKCS#8 (plain or encrypted), SEC1, PKCS#1 and OpenSSH\'s format, in PEM or DER'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "delete" -d 'Delete a key for good'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "default" -d 'Make a key the default one'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "label" -d 'Give a key another label; an empty one takes it away'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "confirm" -d 'Set whether your agent asks you for a yes when a key is used'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "request" -d 'Ask for a certificate: print a request (PKCS#10), signed with the key, for an authority to answer'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "certificate" -d 'Show or export a key\'s certificate, or give it another one'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "attest" -d 'Print what the card says of how a key was made: certificates in PEM, the key\'s attestation first'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "explain" -d 'Say where an operation would happen and what it would ask, without doing it'
complete -c claviger -n "__fish_claviger_using_subcommand key; and not __fish_seen_subcommand_from list show generate import delete default label confirm request certificate attest explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from list" -l label -d 'Only keys with exactly this label' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from list" -l algorithm -d 'Only keys of this algorithm' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from list" -l usage -d 'Only keys that may be used for this' -r -f -a "sign\t''
decrypt\t''
derive\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from list" -l location -d 'Only keys that stand there' -r -f -a "local\t''
card\t''
phone\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from list" -l state -d 'Only keys in this state; current and retired ones unless told' -r -f -a "current\t''
retired\t''
revoked\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from list" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from list" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from show" -l format -d 'How the public key is written' -r -f -a "pem\t'PEM SubjectPublicKeyInfo, as OpenSSL reads it'
der\t'DER SubjectPublicKeyInfo'
ssh\t'The line of OpenSSH\'s .pub and authorized_keys files'"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from show" -s o -l output -d 'Write to this file, not to standard output' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from show" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from show" -l public -d 'Print the public key and nothing else'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from show" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l label -d 'A name for people' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l location -d 'Where it is to stand; your location unless told' -r -f -a "local\t''
card\t''
phone\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l usage -d 'What it may be used for; all that the algorithm can do unless told' -r -f -a "sign\t''
decrypt\t''
derive\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l token -d 'The card; your only one that is there unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l slot -d 'The place on it: 9a, 9c, 9d, 9e, 82 to 95 (PIV); sign, decrypt, authenticate (OpenPGP). A free one unless told; a key that stood there before is lost' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l pin-policy -d 'When the key wants the PIN; the card\'s habit unless told' -r -f -a "never\t''
once\t''
always\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l touch-policy -d 'When the key wants the card to be touched; the card\'s habit unless told' -r -f -a "never\t''
always\t''
cached\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l management-key-fd -d 'Read the PIV card\'s management key from this descriptor: 16, 24 or 32 bytes, as they are or in hexadecimal' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l management-key-file -d 'Read the PIV card\'s management key from this file (- for standard input)' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l admin-pin-fd -d 'Read the OpenPGP card\'s Admin PIN from this descriptor; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l admin-pin-file -d 'Read the OpenPGP card\'s Admin PIN from this file (- for standard input); one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l default-management-key -d 'Use the management key that PIV cards have when they leave the factory (3DES, three times 01 to 08). Everybody knows it: whoever holds such a card can replace its keys. Give the card another one, for example with `yubico-piv-tool -a set-mgm-key`'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from generate" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l label -d 'A name for people' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l location -d 'Where it is to stand; your location unless told' -r -f -a "local\t''
card\t''
phone\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l usage -d 'What it may be used for; all that the algorithm can do unless told' -r -f -a "sign\t''
decrypt\t''
derive\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l token -d 'The card; your only one that is there unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l slot -d 'The place on it: 9a, 9c, 9d, 9e, 82 to 95 (PIV); sign, decrypt, authenticate (OpenPGP). A free one unless told; a key that stood there before is lost' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l pin-policy -d 'When the key wants the PIN; the card\'s habit unless told' -r -f -a "never\t''
once\t''
always\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l touch-policy -d 'When the key wants the card to be touched; the card\'s habit unless told' -r -f -a "never\t''
always\t''
cached\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l management-key-fd -d 'Read the PIV card\'s management key from this descriptor: 16, 24 or 32 bytes, as they are or in hexadecimal' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l management-key-file -d 'Read the PIV card\'s management key from this file (- for standard input)' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l admin-pin-fd -d 'Read the OpenPGP card\'s Admin PIN from this descriptor; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l admin-pin-file -d 'Read the OpenPGP card\'s Admin PIN from this file (- for standard input); one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l passphrase-fd -d 'Read it from this descriptor instead of asking; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l passphrase-file -d 'Read it from this file (- for standard input) instead of asking; one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l default-management-key -d 'Use the management key that PIV cards have when they leave the factory (3DES, three times 01 to 08). Everybody knows it: whoever holds such a card can replace its keys. Give the card another one, for example with `yubico-piv-tool -a set-mgm-key`'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from delete" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask first'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from delete" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from delete" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from default" -l purpose -d 'What for' -r -f -a "sign\t''
decrypt\t''
derive\t''
authenticate\t''"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from default" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from default" -l none -d 'Have no default key for that'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from default" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from default" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from default" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from label" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from label" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from label" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from label" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from confirm" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from confirm" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from confirm" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from confirm" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -l subject -d 'Whose it is, as in RFC 4514: CN=alice,O=Example' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -l dns -d 'A host\'s name; may be given again' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -l email -d 'An e-mail address; may be given again' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -l ip -d 'An IP address; may be given again' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -l uri -d 'A URI; may be given again' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -l usage -d 'What it is for; anything unless told' -r -f -a "client\t'To log in to servers (TLS client)'
server\t'To be a server (TLS server)'
email\t'To sign and decrypt mail (S/MIME)'
codesigning\t'To sign programs'"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -l format -d 'How the request is written' -r -f -a "pem\t'PEM, as OpenSSL reads it'
der\t'DER'"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -s o -l output -d 'Write to this file, not to standard output' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from request" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l format -d 'Print the certificate alone, so; otherwise words stand before it' -r -f -a "pem\t'PEM, as OpenSSL reads it'
der\t'DER'"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -s o -l output -d 'Write to this file, not to standard output' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l set -l import -d 'Give the key this certificate (PEM or DER; - for standard input). More certificates in the file are its chain, in any order' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l chain-file -d 'Read the chain, or more of it, from this file' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l days -d 'For how many days a self-signed certificate holds; 365 unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l subject -d 'Whose it is, as in RFC 4514: CN=alice,O=Example' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l dns -d 'A host\'s name; may be given again' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l email -d 'An e-mail address; may be given again' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l ip -d 'An IP address; may be given again' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l uri -d 'A URI; may be given again' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l usage -d 'What it is for; anything unless told' -r -f -a "client\t'To log in to servers (TLS client)'
server\t'To be a server (TLS server)'
email\t'To sign and decrypt mail (S/MIME)'
codesigning\t'To sign programs'"
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l management-key-fd -d 'Read the PIV card\'s management key from this descriptor: 16, 24 or 32 bytes, as they are or in hexadecimal' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l management-key-file -d 'Read the PIV card\'s management key from this file (- for standard input)' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l admin-pin-fd -d 'Read the OpenPGP card\'s Admin PIN from this descriptor; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l admin-pin-file -d 'Read the OpenPGP card\'s Admin PIN from this file (- for standard input); one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l chain -d 'The certificates above it too'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l remove -d 'Take the certificate away'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l self-signed -d 'Give the key a certificate that it signs itself: for tests, and where the other side takes it by its fingerprint'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l ca -d 'A self-signed certificate of an authority, which certifies others'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l default-management-key -d 'Use the management key that PIV cards have when they leave the factory (3DES, three times 01 to 08). Everybody knows it: whoever holds such a card can replace its keys. Give the card another one, for example with `yubico-piv-tool -a set-mgm-key`'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from certificate" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from attest" -s o -l output -d 'Write to this file, not to standard output' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from attest" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from attest" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from attest" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from attest" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from explain" -s m -l mechanism -d 'The mechanism; the key\'s usual signature unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from explain" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from explain" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from explain" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "list" -d 'List your keys'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one key, or print its public key'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "generate" -d 'Make a key and print its id'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "import" -d 'Take a private key in from a file and print its id. Read are PKCS#8 (plain or encrypted), SEC1, PKCS#1 and OpenSSH\'s format, in PEM or DER'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Delete a key for good'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "default" -d 'Make a key the default one'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "label" -d 'Give a key another label; an empty one takes it away'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "confirm" -d 'Set whether your agent asks you for a yes when a key is used'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "request" -d 'Ask for a certificate: print a request (PKCS#10), signed with the key, for an authority to answer'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "certificate" -d 'Show or export a key\'s certificate, or give it another one'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "attest" -d 'Print what the card says of how a key was made: certificates in PEM, the key\'s attestation first'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Say where an operation would happen and what it would ask, without doing it'
complete -c claviger -n "__fish_claviger_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand token; and not __fish_seen_subcommand_from list help" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand token; and not __fish_seen_subcommand_from list help" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand token; and not __fish_seen_subcommand_from list help" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand token; and not __fish_seen_subcommand_from list help" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand token; and not __fish_seen_subcommand_from list help" -f -a "list" -d 'List what your keys live on: the local store and your cards, also those that are away'
complete -c claviger -n "__fish_claviger_using_subcommand token; and not __fish_seen_subcommand_from list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand token; and __fish_seen_subcommand_from list" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand token; and __fish_seen_subcommand_from list" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand token; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand token; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "list" -d 'List what your keys live on: the local store and your cards, also those that are away'
complete -c claviger -n "__fish_claviger_using_subcommand token; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -f -a "list" -d 'List every card in the readers: yours, and those that are nobody\'s yet'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -f -a "show" -d 'Show what stands on a card: keys, policies, certificates'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -f -a "enrol" -d 'Make a card yours: its keys become keys of yours. Print their ids'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -f -a "forget" -d 'Take a card out of your account; the card itself stays as it is. Keys that stand nowhere else go with it'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -f -a "unlock" -d 'Unlock a card: its PIN is checked and kept, and each use presents it'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -f -a "lock" -d 'Lock a card: its PIN is wiped from memory'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -f -a "init" -d 'Give a PIV card a fresh identity, and print its new token id. Keys on it stay'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -f -a "pin" -d 'Change a card\'s PIN, or set a new one with the PUK'
complete -c claviger -n "__fish_claviger_using_subcommand card; and not __fish_seen_subcommand_from list show enrol forget unlock lock init pin help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from list" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from list" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from show" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from show" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from enrol" -l label -d 'Name its key; where there are several, each gets the name of its slot behind that' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from enrol" -l pin-fd -d 'Read it from this descriptor instead of asking; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from enrol" -l pin-file -d 'Read it from this file (- for standard input) instead of asking; one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from enrol" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from enrol" -l default -d 'Make its keys your default keys'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from enrol" -l last-try -d 'Try the PIN even where it is the last try: a wrong one then blocks the card'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from enrol" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from enrol" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from enrol" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from forget" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from forget" -s y -l yes -d 'Do not ask first'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from forget" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from forget" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from forget" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from unlock" -l idle -d 'Lock again after so many seconds without use; the service\'s configuration says how many unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from unlock" -l pin-fd -d 'Read it from this descriptor instead of asking; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from unlock" -l pin-file -d 'Read it from this file (- for standard input) instead of asking; one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from unlock" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from unlock" -l last-try -d 'Try the PIN even where it is the last try: a wrong one then blocks the card'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from unlock" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from unlock" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from unlock" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from lock" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from lock" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from lock" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from lock" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from init" -l management-key-fd -d 'Read the PIV card\'s management key from this descriptor: 16, 24 or 32 bytes, as they are or in hexadecimal' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from init" -l management-key-file -d 'Read the PIV card\'s management key from this file (- for standard input)' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from init" -l admin-pin-fd -d 'Read the OpenPGP card\'s Admin PIN from this descriptor; one new line at its end is stripped' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from init" -l admin-pin-file -d 'Read the OpenPGP card\'s Admin PIN from this file (- for standard input); one new line at its end is stripped' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from init" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from init" -l default-management-key -d 'Use the management key that PIV cards have when they leave the factory (3DES, three times 01 to 08). Everybody knows it: whoever holds such a card can replace its keys. Give the card another one, for example with `yubico-piv-tool -a set-mgm-key`'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from init" -s y -l yes -d 'Do not ask first'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from init" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from init" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from pin" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from pin" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from pin" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from pin" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from pin" -f -a "change" -d 'Change a card\'s PIN'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from pin" -f -a "unblock" -d 'Set a new PIN with the PUK (PIV), or with the resetting code or Admin PIN (OpenPGP)'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from pin" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from help" -f -a "list" -d 'List every card in the readers: yours, and those that are nobody\'s yet'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what stands on a card: keys, policies, certificates'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from help" -f -a "enrol" -d 'Make a card yours: its keys become keys of yours. Print their ids'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from help" -f -a "forget" -d 'Take a card out of your account; the card itself stays as it is. Keys that stand nowhere else go with it'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from help" -f -a "unlock" -d 'Unlock a card: its PIN is checked and kept, and each use presents it'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from help" -f -a "lock" -d 'Lock a card: its PIN is wiped from memory'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from help" -f -a "init" -d 'Give a PIV card a fresh identity, and print its new token id. Keys on it stay'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from help" -f -a "pin" -d 'Change a card\'s PIN, or set a new one with the PUK'
complete -c claviger -n "__fish_claviger_using_subcommand card; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -f -a "list" -d 'List your phones, and how they can be reached'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -f -a "pair" -d 'Pair a phone: it becomes the place of keys, and asks you on its own screen before it uses one. Print the URI that the phone scans, and the new token\'s id'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -f -a "enrol" -d 'Take in keys that came to stand on a phone since it was paired. Print the ids of all its keys'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -f -a "unpair" -d 'Take a phone out of your account. Keys that stand nowhere else go with it; on the phone they stay'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -f -a "unlock" -d 'Have a phone ask you to unlock it for this computer'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -f -a "lock" -d 'Log this computer out of a phone: its keys cannot be used from here until it is unlocked again'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and not __fish_seen_subcommand_from list pair enrol unpair unlock lock help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from list" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from list" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from pair" -l link -d 'The way to the phone: bluetooth:AA:BB:CC:DD:EE:FF, socket, to which the phone connects (adb reverse), or serial: and a terminal: /dev/ttyACM0, ttyUSB0, ttyS0, ttyGS0, ttyAMA0, rfcomm0, pts/0, or one in /dev/serial/by-id or by-path. Unless told, the socket and every Bluetooth device that is bonded with this computer and offers the service' -r
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from pair" -l name -d 'What the phone is called here; what it calls itself unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from pair" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from pair" -l numbers -d 'Compare numbers on both sides, where the phone can scan nothing and be given no text'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from pair" -l default -d 'Make its keys your default keys'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from pair" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from pair" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from pair" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from enrol" -l label -d 'Name its key; where there are several, each gets its place on the phone behind that' -r
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from enrol" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from enrol" -l default -d 'Make its keys your default keys'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from enrol" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from enrol" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from enrol" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from unpair" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from unpair" -s y -l yes -d 'Do not ask first'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from unpair" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from unpair" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from unpair" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from unlock" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from unlock" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from unlock" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from unlock" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from lock" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from lock" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from lock" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from lock" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from help" -f -a "list" -d 'List your phones, and how they can be reached'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from help" -f -a "pair" -d 'Pair a phone: it becomes the place of keys, and asks you on its own screen before it uses one. Print the URI that the phone scans, and the new token\'s id'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from help" -f -a "enrol" -d 'Take in keys that came to stand on a phone since it was paired. Print the ids of all its keys'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from help" -f -a "unpair" -d 'Take a phone out of your account. Keys that stand nowhere else go with it; on the phone they stay'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from help" -f -a "unlock" -d 'Have a phone ask you to unlock it for this computer'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from help" -f -a "lock" -d 'Log this computer out of a phone: its keys cannot be used from here until it is unlocked again'
complete -c claviger -n "__fish_claviger_using_subcommand phone; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand session; and not __fish_seen_subcommand_from list bind release help" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand session; and not __fish_seen_subcommand_from list bind release help" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand session; and not __fish_seen_subcommand_from list bind release help" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand session; and not __fish_seen_subcommand_from list bind release help" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand session; and not __fish_seen_subcommand_from list bind release help" -f -a "list" -d 'List your sessions, and what each is bound to'
complete -c claviger -n "__fish_claviger_using_subcommand session; and not __fish_seen_subcommand_from list bind release help" -f -a "bind" -d 'Bind a session to a token: when the token is removed, the session locks or ends'
complete -c claviger -n "__fish_claviger_using_subcommand session; and not __fish_seen_subcommand_from list bind release help" -f -a "release" -d 'Give up what `session bind` made'
complete -c claviger -n "__fish_claviger_using_subcommand session; and not __fish_seen_subcommand_from list bind release help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from list" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from list" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from bind" -l token -d 'The token; your only card that is there unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from bind" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from bind" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from bind" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from bind" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from release" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from release" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from release" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "list" -d 'List your sessions, and what each is bound to'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "bind" -d 'Bind a session to a token: when the token is removed, the session locks or ends'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "release" -d 'Give up what `session bind` made'
complete -c claviger -n "__fish_claviger_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand removal" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand removal" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand removal" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand removal" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand sign" -s k -l key -d 'The key; the default key for signing unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand sign" -s m -l mechanism -d 'The mechanism, as in PKCS#11 without CKM_; the key\'s usual one unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand sign" -l hash -d 'The digest of RSA_PKCS_PSS' -r
complete -c claviger -n "__fish_claviger_using_subcommand sign" -l mgf-hash -d 'The digest inside MGF1; the same as --hash unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand sign" -l salt-length -d 'PSS salt in bytes; the size of the digest unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand sign" -l context -d 'ML-DSA context' -r
complete -c claviger -n "__fish_claviger_using_subcommand sign" -l reason -d 'What it is for: shown to whoever is asked for a PIN, a pass phrase or a yes; at most 200 bytes' -r
complete -c claviger -n "__fish_claviger_using_subcommand sign" -s o -l output -d 'Write to this file, not to standard output. On a terminal, results that are no text are shown as Base64' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand sign" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand sign" -l raw -d 'ECDSA signatures as r || s, not as DER'
complete -c claviger -n "__fish_claviger_using_subcommand sign" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand sign" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand sign" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand verify" -s k -l key -d 'One of your own keys' -r
complete -c claviger -n "__fish_claviger_using_subcommand verify" -s p -l public -d 'A file with a public key: PEM or DER SubjectPublicKeyInfo' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand verify" -s s -l signature -d 'The file with the signature' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand verify" -s m -l mechanism -d 'The mechanism, as in PKCS#11 without CKM_; the key\'s usual one unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand verify" -l hash -d 'The digest of RSA_PKCS_PSS' -r
complete -c claviger -n "__fish_claviger_using_subcommand verify" -l mgf-hash -d 'The digest inside MGF1; the same as --hash unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand verify" -l salt-length -d 'PSS salt in bytes; the size of the digest unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand verify" -l context -d 'ML-DSA context' -r
complete -c claviger -n "__fish_claviger_using_subcommand verify" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand verify" -l raw -d 'ECDSA signatures as r || s, not as DER'
complete -c claviger -n "__fish_claviger_using_subcommand verify" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand verify" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand verify" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -s k -l key -d 'One of your own keys' -r
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -s p -l public -d 'A file with a public key: PEM or DER SubjectPublicKeyInfo' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -s m -l mechanism -d 'The mechanism; RSA_PKCS_OAEP for RSA keys unless told. ML_KEM makes a secret: it takes no FILE' -r
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -l hash -d 'The digest of OAEP; SHA256 unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -l mgf-hash -d 'The digest inside MGF1; the same as --hash unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -l oaep-label -d 'OAEP label' -r
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -l secret-output -d 'With ML_KEM: where the secret itself goes. The output is the encapsulated one' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -s o -l output -d 'Write to this file, not to standard output. On a terminal, results that are no text are shown as Base64' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand encrypt" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -s k -l key -d 'The key; the default key for decrypting unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -s m -l mechanism -d 'The mechanism; RSA_PKCS_OAEP for RSA keys unless told. ML_KEM opens an encapsulated secret' -r
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -l hash -d 'The digest of OAEP; SHA256 unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -l mgf-hash -d 'The digest inside MGF1; the same as --hash unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -l oaep-label -d 'OAEP label' -r
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -l reason -d 'What it is for: shown to whoever is asked for a PIN, a pass phrase or a yes; at most 200 bytes' -r
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -s o -l output -d 'Write to this file, not to standard output. On a terminal, results that are no text are shown as Base64' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand decrypt" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand derive" -s k -l key -d 'The key; the default key for deriving unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand derive" -s m -l mechanism -d 'The mechanism' -r
complete -c claviger -n "__fish_claviger_using_subcommand derive" -l kdf -d 'What is done with the agreed secret' -r -f -a "null\t''
hkdf\t''"
complete -c claviger -n "__fish_claviger_using_subcommand derive" -l hash -d 'The digest of HKDF; SHA256 unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand derive" -l info -d 'HKDF\'s info' -r
complete -c claviger -n "__fish_claviger_using_subcommand derive" -l length -d 'Bytes wanted from HKDF; the size of the digest unless told' -r
complete -c claviger -n "__fish_claviger_using_subcommand derive" -l reason -d 'What it is for: shown to whoever is asked for a PIN, a pass phrase or a yes; at most 200 bytes' -r
complete -c claviger -n "__fish_claviger_using_subcommand derive" -s o -l output -d 'Write to this file, not to standard output' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand derive" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand derive" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand derive" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand derive" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand digest" -l hash -d 'The digest: SHA256, SHA384, SHA512, SHA3-256, …' -r
complete -c claviger -n "__fish_claviger_using_subcommand digest" -s o -l output -d 'Write to this file, not to standard output. On a terminal, results that are no text are shown as Base64' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand digest" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand digest" -l binary -d 'The digest\'s bytes, not hexadecimal'
complete -c claviger -n "__fish_claviger_using_subcommand digest" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand digest" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand digest" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand random" -l token -d 'From this phone\'s generator, not from the system\'s; at most 4096 bytes' -r
complete -c claviger -n "__fish_claviger_using_subcommand random" -s o -l output -d 'Write to this file, not to standard output' -r -F
complete -c claviger -n "__fish_claviger_using_subcommand random" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand random" -l hex -d 'Hexadecimal, not bytes'
complete -c claviger -n "__fish_claviger_using_subcommand random" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand random" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand random" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and not __fish_seen_subcommand_from user consent revoke statistics help" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand admin; and not __fish_seen_subcommand_from user consent revoke statistics help" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and not __fish_seen_subcommand_from user consent revoke statistics help" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and not __fish_seen_subcommand_from user consent revoke statistics help" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and not __fish_seen_subcommand_from user consent revoke statistics help" -f -a "user" -d 'List, show, enrol and remove users'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and not __fish_seen_subcommand_from user consent revoke statistics help" -f -a "consent" -d 'Consent to a user\'s application and print the consent phrase, this once'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and not __fish_seen_subcommand_from user consent revoke statistics help" -f -a "revoke" -d 'Revoke a user\'s key: its private half is erased here'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and not __fish_seen_subcommand_from user consent revoke statistics help" -f -a "statistics" -d 'Show figures of the service'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and not __fish_seen_subcommand_from user consent revoke statistics help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from user" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from user" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from user" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from user" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "list" -d 'List all users'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "show" -d 'Show one user'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "enrol" -d 'Make a row for a user who has none; the user registers afterwards'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "location" -d 'Set where a user\'s new keys are made'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "remove" -d 'Remove a user and erase their private keys'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from user" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from consent" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from consent" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from consent" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from consent" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from revoke" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from revoke" -l all -d 'All keys, and the account with them'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from revoke" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from statistics" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from statistics" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from statistics" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from statistics" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "user" -d 'List, show, enrol and remove users'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "consent" -d 'Consent to a user\'s application and print the consent phrase, this once'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Revoke a user\'s key: its private half is erased here'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "statistics" -d 'Show figures of the service'
complete -c claviger -n "__fish_claviger_using_subcommand admin; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand monitor" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand monitor" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand monitor" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand monitor" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand doctor" -l bus -d 'The bus: system, session, or a D-Bus address' -r
complete -c claviger -n "__fish_claviger_using_subcommand doctor" -l json -d 'Results and errors as JSON, for scripts'
complete -c claviger -n "__fish_claviger_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c claviger -n "__fish_claviger_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "status" -d 'Show who you are here, where your keys live, and what is unlocked'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "register" -d 'Apply for an account and make its first keys'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "consent" -d 'Enter the consent phrase that an administrator gave you'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "unlock" -d 'Unlock your local keys'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "lock" -d 'Lock your local keys: they are wiped from memory'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "passphrase" -d 'Change your pass phrase'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "recovery" -d 'Make a recovery code, or set a new pass phrase with one'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "backup" -d 'Write your keys, still sealed, to a file'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "restore" -d 'Take sealed keys back in from a file'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "key" -d 'Look at, make, take in, delete and name keys'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "token" -d 'List what your keys live on'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "card" -d 'Enrol, unlock and look after smart cards'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "phone" -d 'Pair phones and look after them'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "session" -d 'Look at your sessions, and bind them to tokens'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "removal" -d 'Show or set what happens to your sessions when their token is removed'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "sign" -d 'Sign a file'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "verify" -d 'Verify a file\'s signature: exit code 0 where it is right, 1 where it is wrong'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "encrypt" -d 'Encrypt a file to a key'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "decrypt" -d 'Decrypt a file'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "derive" -d 'Agree on a secret with a peer\'s public key'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "digest" -d 'Print a file\'s digest'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "random" -d 'Write random bytes'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "admin" -d 'Administer accounts'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "monitor" -d 'Show what happens, as it happens'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "doctor" -d 'Check the whole path to the key store and say what to mend'
complete -c claviger -n "__fish_claviger_using_subcommand help; and not __fish_seen_subcommand_from status register consent unlock lock passphrase recovery backup restore key token card phone session removal sign verify encrypt decrypt derive digest random admin monitor doctor help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from recovery" -f -a "make" -d 'Make a recovery code and print it, this once. A former one ends'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from recovery" -f -a "use" -d 'Set a new pass phrase with the recovery code'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "list" -d 'List your keys'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "show" -d 'Show one key, or print its public key'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "generate" -d 'Make a key and print its id'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "import" -d 'Take a private key in from a file and print its id. Read are PKCS#8 (plain or encrypted), SEC1, PKCS#1 and OpenSSH\'s format, in PEM or DER'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "delete" -d 'Delete a key for good'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "default" -d 'Make a key the default one'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "label" -d 'Give a key another label; an empty one takes it away'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "confirm" -d 'Set whether your agent asks you for a yes when a key is used'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "request" -d 'Ask for a certificate: print a request (PKCS#10), signed with the key, for an authority to answer'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "certificate" -d 'Show or export a key\'s certificate, or give it another one'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "attest" -d 'Print what the card says of how a key was made: certificates in PEM, the key\'s attestation first'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "explain" -d 'Say where an operation would happen and what it would ask, without doing it'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from token" -f -a "list" -d 'List what your keys live on: the local store and your cards, also those that are away'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from card" -f -a "list" -d 'List every card in the readers: yours, and those that are nobody\'s yet'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from card" -f -a "show" -d 'Show what stands on a card: keys, policies, certificates'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from card" -f -a "enrol" -d 'Make a card yours: its keys become keys of yours. Print their ids'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from card" -f -a "forget" -d 'Take a card out of your account; the card itself stays as it is. Keys that stand nowhere else go with it'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from card" -f -a "unlock" -d 'Unlock a card: its PIN is checked and kept, and each use presents it'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from card" -f -a "lock" -d 'Lock a card: its PIN is wiped from memory'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from card" -f -a "init" -d 'Give a PIV card a fresh identity, and print its new token id. Keys on it stay'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from card" -f -a "pin" -d 'Change a card\'s PIN, or set a new one with the PUK'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from phone" -f -a "list" -d 'List your phones, and how they can be reached'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from phone" -f -a "pair" -d 'Pair a phone: it becomes the place of keys, and asks you on its own screen before it uses one. Print the URI that the phone scans, and the new token\'s id'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from phone" -f -a "enrol" -d 'Take in keys that came to stand on a phone since it was paired. Print the ids of all its keys'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from phone" -f -a "unpair" -d 'Take a phone out of your account. Keys that stand nowhere else go with it; on the phone they stay'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from phone" -f -a "unlock" -d 'Have a phone ask you to unlock it for this computer'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from phone" -f -a "lock" -d 'Log this computer out of a phone: its keys cannot be used from here until it is unlocked again'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "list" -d 'List your sessions, and what each is bound to'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "bind" -d 'Bind a session to a token: when the token is removed, the session locks or ends'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "release" -d 'Give up what `session bind` made'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "user" -d 'List, show, enrol and remove users'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "consent" -d 'Consent to a user\'s application and print the consent phrase, this once'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "revoke" -d 'Revoke a user\'s key: its private half is erased here'
complete -c claviger -n "__fish_claviger_using_subcommand help; and __fish_seen_subcommand_from admin" -f -a "statistics" -d 'Show figures of the service'
