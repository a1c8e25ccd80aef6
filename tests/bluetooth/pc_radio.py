#!/usr/bin/python3
"""The radio of a computer: dials the RFCOMM service of a phone that BlueZ serves, and passes the stream to a socket.

Besides what every radio says and takes (see phone_radio.py), `dial ADDRESS` bonds, looks for the service in the phone's SDP
records, says `channel NUMBER` or `no service`, and connects: `open`, and `closed` when one side has ended.
"""

import argparse
import asyncio

from bumble.core import BT_BR_EDR_TRANSPORT
from bumble.rfcomm import Client, find_rfcomm_channel_with_uuid
from radio import Radio, carry, say

COMPUTER = 0x0C010C


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--controller", required=True, help="socket of a controller, such as btvirt's bt-server-bredrle")
    parser.add_argument("--service", required=True, help="UUID of the service")
    parser.add_argument("--socket", required=True, help="where the bytes go")
    parser.add_argument("--name", default="Computer", help="name that others see")
    parser.add_argument("--keys", required=True, help="file of the bonds")
    options = parser.parse_args()
    radio = Radio(options.controller, options.name, options.keys, COMPUTER)

    async def dial(address):
        connection = await radio.device.connect(address, transport=BT_BR_EDR_TRANSPORT)
        await connection.authenticate()
        await connection.encrypt()
        channel = await find_rfcomm_channel_with_uuid(connection, options.service)
        if channel is None:
            say("no service")
            return
        say("channel", channel)
        multiplexer = await Client(connection).start()
        dlc = await multiplexer.open_dlc(channel)
        streams.append(asyncio.create_task(carry(dlc, options.socket)))

    streams = []
    await radio.run(lambda _: None, {"dial": dial})


asyncio.run(main())
