/* A driver for pcscd: vpcd's virtual reader, as like a real one as tests need it.
 *
 * Everything goes to libifdvpcd.so, or to the copy of it that lies beside this file as FILE.vpcd: vpcd keeps its slots by
 * number alone, so that every pair of readers needs a copy of both. What is added:
 *
 * - A card that is pulled during a command is an error. vpcd takes it for an empty answer.
 * - With CLAVIGER_READER_POLL_MS a card is noticed so soon, as in a USB reader, and not within pcscd's 400 ms.
 * - With CLAVIGER_PINPAD the reader has keys to type a PIN on (PC/SC part 10): it says that it can do
 *   FEATURE_VERIFY_PIN_DIRECT, and does it. The person at the keys is a test, on the unix socket that is named there: one
 *   connection for each entry, one line each way.
 *
 *       verify SLOT MINIMUM MAXIMUM SECONDS        pin DIGITS | cancel | nothing
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <ifdhandler.h>
#include <reader.h>

static const char VPCD[] = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

#define VERIFY_PIN_DIRECT SCARD_CTL_CODE(3500 + FEATURE_VERIFY_PIN_DIRECT)
#define PIN_PROPERTIES SCARD_CTL_CODE(3500 + FEATURE_IFD_PIN_PROPERTIES)

/* What the reader says itself, PC/SC part 10, 2.5.2. */
enum { TIMED_OUT = 0x6400, CANCELLED = 0x6401, WRONG_LENGTH_TYPED = 0x6403, NOT_UNDERSTOOD = 0x6B80 };

enum { HEADER = 5, LONGEST_APDU = 261, DEFAULT_SECONDS = 15 };

static void *open_driver(void)
{
    char beside[4096];
    Dl_info itself;

    if (dladdr(VPCD, &itself) && itself.dli_fname &&
        snprintf(beside, sizeof beside, "%s.vpcd", itself.dli_fname) < (int)sizeof beside && !access(beside, R_OK))
        return dlopen(beside, RTLD_NOW | RTLD_LOCAL);
    return dlopen(VPCD, RTLD_NOW | RTLD_LOCAL);
}

static void *real(const char *name)
{
    static void *driver;
    if (!driver)
        driver = open_driver();
    return driver ? dlsym(driver, name) : NULL;
}

#define FORWARD(name, parameters, arguments)                                   \
    RESPONSECODE name parameters                                               \
    {                                                                          \
        RESPONSECODE(*function) parameters = real(#name);                      \
        return function ? function arguments : IFD_COMMUNICATION_ERROR;        \
    }

FORWARD(IFDHCreateChannelByName, (DWORD lun, LPSTR name), (lun, name))
FORWARD(IFDHCreateChannel, (DWORD lun, DWORD channel), (lun, channel))
FORWARD(IFDHCloseChannel, (DWORD lun), (lun))
FORWARD(IFDHSetCapabilities, (DWORD lun, DWORD tag, DWORD length, PUCHAR value), (lun, tag, length, value))
FORWARD(IFDHSetProtocolParameters, (DWORD lun, DWORD protocol, UCHAR flags, UCHAR pts1, UCHAR pts2, UCHAR pts3),
        (lun, protocol, flags, pts1, pts2, pts3))
FORWARD(IFDHPowerICC, (DWORD lun, DWORD action, PUCHAR atr, PDWORD length), (lun, action, atr, length))
FORWARD(IFDHICCPresence, (DWORD lun), (lun))

RESPONSECODE IFDHTransmitToICC(DWORD lun, SCARD_IO_HEADER send, PUCHAR command, DWORD length, PUCHAR answer,
                               PDWORD answered, PSCARD_IO_HEADER received)
{
    RESPONSECODE (*forward)(DWORD, SCARD_IO_HEADER, PUCHAR, DWORD, PUCHAR, PDWORD, PSCARD_IO_HEADER);
    RESPONSECODE result;

    forward = real("IFDHTransmitToICC");
    result = forward ? forward(lun, send, command, length, answer, answered, received) : IFD_COMMUNICATION_ERROR;
    return result == IFD_SUCCESS && *answered == 0 ? IFD_COMMUNICATION_ERROR : result;
}

static RESPONSECODE wait_a_little(DWORD lun, int timeout)
{
    const char *ms = getenv("CLAVIGER_READER_POLL_MS");
    (void)lun;
    (void)timeout;
    poll(NULL, 0, ms ? atoi(ms) : 400);
    return IFD_SUCCESS;
}

RESPONSECODE IFDHGetCapabilities(DWORD lun, DWORD tag, PDWORD length, PUCHAR value)
{
    RESPONSECODE (*wait)(DWORD, int) = wait_a_little;
    RESPONSECODE (*forward)(DWORD, DWORD, PDWORD, PUCHAR);

    if (tag == TAG_IFD_POLLING_THREAD_WITH_TIMEOUT && getenv("CLAVIGER_READER_POLL_MS") && *length >= sizeof wait) {
        memcpy(value, &wait, sizeof wait);
        *length = sizeof wait;
        return IFD_SUCCESS;
    }
    forward = real("IFDHGetCapabilities");
    return forward ? forward(lun, tag, length, value) : IFD_COMMUNICATION_ERROR;
}

/* Asks the person. Returns the number of characters typed, or minus the status to report. */
static int typed(DWORD lun, const PIN_VERIFY_STRUCTURE *form, char *pin, size_t room)
{
    const char *path = getenv("CLAVIGER_PINPAD");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int seconds = form->bTimerOut ? form->bTimerOut : DEFAULT_SECONDS;
    char line[64];
    size_t length = 0;
    int person = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd said = { .fd = person, .events = POLLIN };

    if (!path || strlen(path) >= sizeof address.sun_path)
        goto nobody;
    strcpy(address.sun_path, path);
    if (connect(person, (struct sockaddr *)&address, sizeof address))
        goto nobody;
    dprintf(person, "verify %lu %d %d %d\n", (unsigned long)(lun & 0xffff), form->wPINMaxExtraDigit >> 8,
            form->wPINMaxExtraDigit & 0xff, seconds);
    /* One line comes at once, or nothing does. */
    while (length + 1 < sizeof line && !(length && line[length - 1] == '\n')) {
        ssize_t got;
        if (poll(&said, 1, seconds * 1000) <= 0)
            goto nobody;
        got = read(person, line + length, sizeof line - 1 - length);
        if (got <= 0)
            goto nobody;
        length += got;
    }
    close(person);
    line[length - 1] = 0;
    if (!strcmp(line, "cancel"))
        return -CANCELLED;
    if (strncmp(line, "pin ", 4) || strlen(line + 4) >= room)
        return -TIMED_OUT;
    strcpy(pin, line + 4);
    return strlen(pin);
nobody:
    close(person);
    return -TIMED_OUT;
}

/* Puts the PIN into the command, PC/SC part 10, 2.3 and 2.5.2. Returns its length; 0 where the form makes no sense. */
static DWORD fill(const PIN_VERIFY_STRUCTURE *form, DWORD given, const char *pin, int typed, unsigned char *command)
{
    int block = form->bmPINBlockString & 0x0f, length_bits = form->bmPINBlockString >> 4;
    int position = form->bmFormatString >> 3 & 0x0f;
    int right = form->bmFormatString & 0x04, ascii = (form->bmFormatString & 0x03) == 0x02;
    int bytes = form->bmFormatString & 0x80;

    /* ASCII counted in bytes, left-justified, no length in the command: all that PIV and OpenPGP cards need. */
    if (!ascii || !bytes || right || length_bits || given < 4 || given > LONGEST_APDU)
        return 0;
    memcpy(command, form->abData, given);
    if (block == 0) {
        /* As long as it was typed. */
        command[4] = typed;
        memcpy(command + HEADER, pin, typed);
        return HEADER + typed;
    }
    if (typed > block || given < (DWORD)(HEADER + position + block))
        return 0;
    memcpy(command + HEADER + position, pin, typed);
    return given;
}

static RESPONSECODE verify(DWORD lun, const unsigned char *input, DWORD given, unsigned char *answer, DWORD room,
                           LPDWORD answered)
{
    const PIN_VERIFY_STRUCTURE *form = (const void *)input;
    SCARD_IO_HEADER send = { .Protocol = 1 }, received;
    unsigned char command[LONGEST_APDU + 1];
    char pin[32];
    int status = NOT_UNDERSTOOD, length;

    if (room < 2)
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    if (given >= sizeof *form && given - sizeof *form == form->ulDataLength) {
        length = typed(lun, form, pin, sizeof pin);
        if (length < 0) {
            status = -length;
        } else if (length < form->wPINMaxExtraDigit >> 8 || length > (form->wPINMaxExtraDigit & 0xff)) {
            status = WRONG_LENGTH_TYPED;
        } else {
            DWORD filled = fill(form, form->ulDataLength, pin, length, command);
            if (filled) {
                *answered = room;
                return IFDHTransmitToICC(lun, send, command, filled, answer, answered, &received);
            }
        }
    }
    answer[0] = status >> 8;
    answer[1] = status & 0xff;
    *answered = 2;
    return IFD_SUCCESS;
}

static RESPONSECODE tell(const void *what, DWORD length, unsigned char *answer, DWORD room, LPDWORD answered)
{
    if (room < length)
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    memcpy(answer, what, length);
    *answered = length;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHControl(DWORD lun, DWORD code, PUCHAR input, DWORD given, PUCHAR answer, DWORD room, LPDWORD answered)
{
    /* A reader without a display and a second timer; entry ends with a key. */
    PIN_PROPERTIES_STRUCTURE properties = { .bEntryValidationCondition = 0x02 };
    PCSC_TLV_STRUCTURE features[] = {
        { FEATURE_VERIFY_PIN_DIRECT, 4, htonl(VERIFY_PIN_DIRECT) },
        { FEATURE_IFD_PIN_PROPERTIES, 4, htonl(PIN_PROPERTIES) },
    };
    RESPONSECODE (*forward)(DWORD, DWORD, PUCHAR, DWORD, PUCHAR, DWORD, LPDWORD);

    switch (getenv("CLAVIGER_PINPAD") ? code : 0) {
    case CM_IOCTL_GET_FEATURE_REQUEST:
        return tell(features, sizeof features, answer, room, answered);
    case PIN_PROPERTIES:
        return tell(&properties, sizeof properties, answer, room, answered);
    case VERIFY_PIN_DIRECT:
        return verify(lun, input, given, answer, room, answered);
    default:
        forward = real("IFDHControl");
        return forward ? forward(lun, code, input, given, answer, room, answered) : IFD_COMMUNICATION_ERROR;
    }
}
