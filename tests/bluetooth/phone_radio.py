#!/usr/bin/python3
"""The radio of a phone: offers an RFCOMM service, with its SDP record, and passes each stream to a socket where
`claviger-phone run --listen unix:PATH` waits.

It says `ready ADDRESS`, `connected ADDRESS`, `asked NUMBER …`, `bonded` or `not bonded`, `open`, `closed`, `refused …` and
`disconnected REASON`; it takes `accept`, `reject` and `drop`. A phone that dies without a word is one that is killed.
Several may run at a time, each on a controller of its own, also under the same name.
"""

import argparse
import asyncio

from bumble.core import UUID
from bumble.rfcomm import Server, make_service_sdp_records
from radio import Radio, carry

PHONE = 0x5A020C


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--controller", required=True, help="socket of a controller, such as btvirt's bt-server-bredrle")
    parser.add_argument("--service", required=True, help="UUID of the service")
    parser.add_argument("--socket", required=True, help="where the bytes go")
    parser.add_argument("--name", default="Phone", help="name that others see")
    parser.add_argument("--keys", required=True, help="file of the bonds")
    parser.add_argument("--channel", type=int, default=22, help="RFCOMM channel, 1 to 30")
    options = parser.parse_args()

    tasks = set()

    def accept(dlc):
        task = asyncio.create_task(carry(dlc, options.socket))
        # A task that nobody holds may vanish while it runs.
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def prepare(device):
        channel = Server(device).listen(accept, options.channel)
        handle = 0x00010001
        device.sdp_service_records = {handle: make_service_sdp_records(handle, channel, UUID(options.service))}

    await Radio(options.controller, options.name, options.keys, PHONE).run(prepare, {})


asyncio.run(main())
