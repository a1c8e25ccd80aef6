/* A Common Access Card, by libcacard: commands come on standard input and answers go to standard output, each after a
 * 16-bit big-endian length; a command of no bytes takes the card's power away and gives it again.
 *
 *     cac-applet FOLDER        FOLDER is an NSS database with the certificates id, sign and enc.
 *
 * A program of its own, as libcacard and NSS know one card in the life of a process.
 */

#include <libcacard.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 65535 };

static int get(unsigned char *message)
{
    int high = getchar(), low = getchar(), length = high << 8 | low;
    if (high == EOF || low == EOF || fread(message, 1, length, stdin) != (size_t)length)
        return -1;
    return length;
}

static int put(const unsigned char *message, int length)
{
    putchar(length >> 8);
    putchar(length & 0xff);
    fwrite(message, 1, length, stdout);
    return fflush(stdout);
}

static VReader *insert(const char *folder)
{
    char words[4096];
    VReaderList *readers;
    VReader *reader;

    if (snprintf(words, sizeof words, "db=\"sql:%s\" use_hw=no soft=(,Virtual CAC,CAC,,id,sign,enc)", folder) >=
        (int)sizeof words)
        return NULL;
    if (vcard_emul_init(vcard_emul_options(words)) != VCARD_EMUL_OK)
        return NULL;
    readers = vreader_get_reader_list();
    reader = readers ? vreader_list_get_reader(vreader_list_get_first(readers)) : NULL;
    vreader_list_delete(readers);
    return reader && vreader_card_is_present(reader) == VREADER_OK ? reader : NULL;
}

static int power(VReader *reader)
{
    unsigned char atr[64];
    int length = sizeof atr;
    vreader_power_off(reader);
    return vreader_power_on(reader, atr, &length) == VREADER_OK;
}

int main(int count, char **words)
{
    static unsigned char command[LONGEST], answer[LONGEST];
    VReader *reader = count == 2 ? insert(words[1]) : NULL;
    int given;

    if (!reader || !power(reader)) {
        fprintf(stderr, "cac-applet: cannot open the card in %s\n", count == 2 ? words[1] : "no folder");
        return 1;
    }
    while ((given = get(command)) >= 0) {
        int length = sizeof answer;
        if (given == 0) {
            if (!power(reader) || put(answer, 0))
                return 1;
        } else if (vreader_xfr_bytes(reader, command, given, answer, &length) != VREADER_OK || put(answer, length)) {
            return 1;
        }
    }
    return 0;
}
