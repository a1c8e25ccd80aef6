# A phone on a cable, for scripts to source: the real claviger-phone at one end of a serial line that is made of two
# pseudo-terminals, with a screen that shows what it asks and a person who answers.
#
#   start_phone FOLDER PROGRAM   starts the line and the phone; sets cable, phone and phone_tty (the computer's end of the
#                                line). Its soft store is new; its pass phrase is typed nowhere else.
#   person ANSWER                waits until the phone asks something that nobody answered yet, shows the question, and
#                                types the answer.
#   unplug_phone, plug_phone     cut the line, and mend it.
#   wait_for_phone WORD          waits until `claviger phone list` says that of the phone.

start_phone() {
    phone_folder=$1 phone_program=$2
    mkdir -p "$phone_folder"
    plug_phone
    printf 'the phone is its own' | "$phone_program" --state-dir "$phone_folder/state" init --passphrase-file - >/dev/null
    printf 'the phone is its own' >"$phone_folder/passphrase"
    mkfifo "$phone_folder/fingers"
    : >"$phone_folder/screen"
    # Its own terminal: what it asks is asked there.
    socat -t 0 "EXEC:'$phone_program --state-dir $phone_folder/state run --serial $phone_folder/phone-end --approve terminal --name Fairphone --passphrase-file $phone_folder/passphrase',pty,setsid,ctty,echo=0" \
        STDIO <"$phone_folder/fingers" >>"$phone_folder/screen" 2>"$phone_folder/phone.log" &
    phone=$!
    exec 6>"$phone_folder/fingers"
    phone_asked=0
    local deadline=$((SECONDS + 30))
    until [ -S "$phone_folder/state/control" ]; do
        [ $SECONDS -lt $deadline ] || { cat "$phone_folder/screen" "$phone_folder/phone.log" >&2; echo "the phone did not come up" >&2; return 1; }
        sleep 0.05
    done
}

plug_phone() {
    local deadline=$((SECONDS + 30))
    socat "PTY,link=$phone_folder/computer-end,raw,echo=0" "PTY,link=$phone_folder/phone-end,raw,echo=0" 2>"$phone_folder/cable.log" &
    cable=$!
    until [ -e "$phone_folder/computer-end" ] && [ -e "$phone_folder/phone-end" ]; do
        [ $SECONDS -lt $deadline ] || { cat "$phone_folder/cable.log" >&2; echo "the cable did not come up" >&2; return 1; }
        sleep 0.05
    done
    phone_tty=$(readlink "$phone_folder/computer-end")
}

unplug_phone() {
    kill "$cable"
    wait "$cable" 2>/dev/null || true
    cable=
}

person() {
    local deadline=$((SECONDS + 60)) questions
    while
        questions=$(grep -c 'Approve? ' "$phone_folder/screen")
        [ "$questions" -le "$phone_asked" ]
    do
        [ $SECONDS -lt $deadline ] || { cat "$phone_folder/screen" "$phone_folder/phone.log" >&2; echo "the phone asked nothing" >&2; return 1; }
        sleep 0.05
    done
    phone_asked=$((phone_asked + 1))
    # The last question, as it stands on the screen.
    tr -d '\r' <"$phone_folder/screen" | awk -v wanted="$phone_asked" '
        NF { page = page "  | " $0 "\n" }
        /Approve\? / { if (++seen == wanted) { printf "%s", page; exit } page = "" }'
    echo "  | $1"
    printf '%s\n' "$1" >&6
}

wait_for_phone() {
    local deadline=$((SECONDS + 30))
    until claviger phone list 2>/dev/null | grep -q " $1 "; do
        [ $SECONDS -lt $deadline ] || { claviger phone list; echo "the phone is not $1" >&2; return 1; }
        sleep 0.05
    done
}
