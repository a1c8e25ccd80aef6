# A private pcscd with a virtual PIV card, for scripts to source. PIN 123456, PUK 12345678, the factory's management key.
#
#   start_card FOLDER PROGRAMS   starts both; PROGRAMS is what tests/scripts/virtual-card.sh printed. Sets pcscd and card
#                                to their process ids and exports PCSCLITE_CSOCK_NAME.
#   tell_card LINE               gives the card a command (`remove`, `insert`) and waits for its answer.
#   wait_for_card WORD           waits until `claviger key list` says that of the card's key.

start_card() {
    local folder=$1 programs=$2 port deadline=$((SECONDS + 30))
    mkdir -p "$folder/readers" "$folder/state" /run/pcscd
    export PCSCLITE_CSOCK_NAME=$folder/pcscd.sock
    # pcscd's virtual reader listens on two ports that nobody may have.
    port=$((40000 + $$ % 10000 * 2))
    while ss -tlnH 2>/dev/null | grep -qE ":($port|$((port + 1))) "; do port=$((port + 2)); done
    cat >"$folder/readers/virtual" <<TEXT
FRIENDLYNAME "Virtual PCD"
DEVICENAME /dev/null:$port
LIBPATH $programs/libvirtual_reader.so
CHANNELID $port
TEXT
    CLAVIGER_READER_POLL_MS=50 systemd-socket-activate -E CLAVIGER_READER_POLL_MS -l "$PCSCLITE_CSOCK_NAME" /usr/sbin/pcscd -f -c "$folder/readers" >"$folder/pcscd.log" 2>&1 &
    pcscd=$!
    until [ -S "$PCSCLITE_CSOCK_NAME" ]; do
        [ $SECONDS -lt $deadline ] || { cat "$folder/pcscd.log" >&2; echo "pcscd did not come up" >&2; return 1; }
        sleep 0.05
    done
    mkfifo "$folder/commands" "$folder/answers"
    "$programs/virtual-card" --port "$port" --state "$folder/state" --kind piv --out \
        <"$folder/commands" >"$folder/answers" 2>"$folder/card.log" &
    card=$!
    exec 7>"$folder/commands" 8<"$folder/answers"
    # Its first line says that it is ready; it is put in as soon as there is a reader, for whose sake pcscd has to run.
    read -r -u 8 -t 30 _
    opensc-tool --list-readers >/dev/null 2>&1 || true
    tell_card insert
}

tell_card() {
    local answer
    echo "$1" >&7
    while read -r -u 8 -t 30 answer; do
        case $answer in
            event*) ;;
            ok*) return 0 ;;
            *) echo "the virtual card answered: $answer" >&2; return 1 ;;
        esac
    done
    echo "the virtual card did not answer" >&2
    return 1
}

wait_for_card() {
    local deadline=$((SECONDS + 30))
    until claviger key list | grep -q " card.* $1 "; do
        [ $SECONDS -lt $deadline ] || { claviger key list; echo "the card's key is not $1" >&2; return 1; }
        sleep 0.05
    done
}
