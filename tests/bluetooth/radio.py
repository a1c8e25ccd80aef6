"""What both radios have: bumble, a Bluetooth stack that shares no code with BlueZ, on a controller of btvirt's.

A radio knows nothing of Claviger: it makes RFCOMM streams and passes their bytes to a socket. It says what happens, a line
each, on its standard output (the scenarios wait for these lines), and takes commands, a line each, from its standard input.
"""

import asyncio
import sys

from bumble.device import Device, DeviceConfiguration
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport


def say(*words):
    """Says a line; the mark tells it from what bumble says."""
    print(">", *words, flush=True)


class Person(PairingDelegate):
    """Who looks at the screen of the radio's device and says yes or no when it is to be bonded."""

    def __init__(self):
        super().__init__(io_capability=PairingDelegate.IoCapability.DISPLAY_OUTPUT_AND_YES_NO_INPUT)
        self.accepts = True

    async def accept(self):
        return self.accepts

    async def confirm(self, auto=False):
        return self.accepts

    async def compare_numbers(self, number, digits):
        say("asked", f"{number:0{digits}}", "and says", "yes" if self.accepts else "no")
        return self.accepts


class Radio:
    """A device with a name, on the controller behind a socket, whose bonds are kept in a file."""

    def __init__(self, controller, name, keys, class_of_device):
        self.person = Person()
        self.connections = []
        self._controller = controller
        self._configuration = DeviceConfiguration(
            name=name,
            classic_enabled=True,
            le_enabled=False,
            # The emulator has neither Secure Connections nor keys for LE made from classic ones.
            classic_sc_enabled=False,
            classic_smp_enabled=False,
            class_of_device=class_of_device,
            keystore=f"JsonKeyStore:{keys}",
        )

    async def run(self, prepare, commands):
        """Runs until the controller or the standard input ends.

        `prepare(device)` is called before the device is switched on; `commands` maps first words of lines to coroutines that
        take the other words.
        """
        async with await open_transport(f"unix:{self._controller}") as transport:
            device = Device.from_config_with_hci(self._configuration, transport.source, transport.sink)
            device.pairing_config_factory = lambda _: PairingConfig(
                sc=False, mitm=True, bonding=True, delegate=self.person
            )
            device.on("connection", self._connected)
            self.device = device
            prepare(device)
            await device.power_on()
            await device.set_discoverable(True)
            await device.set_connectable(True)
            say("ready", str(device.public_address).partition("/")[0])
            obeying = asyncio.create_task(self._obey(commands))
            gone = asyncio.create_task(transport.source.wait_for_termination())
            await asyncio.wait([obeying, gone], return_when=asyncio.FIRST_COMPLETED)
            # An error of a command is the radio's.
            if obeying.done():
                obeying.result()

    def _connected(self, connection):
        say("connected", str(connection.peer_address).partition("/")[0])
        self.connections.append(connection)

        def disconnected(reason):
            say("disconnected", reason)
            self.connections.remove(connection)

        connection.on("disconnection", disconnected)
        connection.on("pairing", lambda *_: say("bonded"))
        connection.on("classic_pairing", lambda *_: say("bonded"))
        connection.on("pairing_failure", lambda *_: say("not bonded"))
        connection.on("classic_pairing_failure", lambda *_: say("not bonded"))

    async def _obey(self, commands):
        commands = {"accept": self._accept, "reject": self._reject, "drop": self._drop} | commands
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while words := (await lines.readline()).decode().split():
            await commands[words[0]](*words[1:])

    async def _accept(self):
        """Bonds from now on."""
        self.person.accepts = True
        say("accepts")

    async def _reject(self):
        """Bonds with nobody from now on."""
        self.person.accepts = False
        say("rejects")

    async def _drop(self):
        """Cuts every connection, as a person does who switches Bluetooth off."""
        for connection in list(self.connections):
            await connection.disconnect()


async def carry(dlc, socket):
    """Passes the bytes of an RFCOMM stream to the socket and back, until one side ends; then ends the other."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError as error:
        say("refused", error)
        await dlc.disconnect()
        return
    closed = asyncio.Event()
    dlc.on("close", closed.set)
    answer = dlc.on_disc_frame

    # bumble answers a peer that ends a stream, and tells nobody.
    def ended_by_peer(frame):
        answer(frame)
        dlc.abort()

    dlc.on_disc_frame = ended_by_peer
    dlc.sink = writer.write
    say("open")

    async def back():
        while data := await reader.read(4096):
            dlc.write(data)
            await dlc.drain()

    tasks = [asyncio.create_task(back()), asyncio.create_task(closed.wait())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    if not closed.is_set():
        # Where the peer ends it at the same time, bumble cancels whoever waits for the answer: that shall not be us.
        await asyncio.wait([asyncio.create_task(dlc.disconnect())])
    writer.close()
    say("closed")
