"""A UDP relay in namespace B whose damage is chosen per probe, so that the truth is known exactly."""

import select
import struct

from lab import B4, Background

WARM_UP = 0x8000_0000  # numbers from here on belong to the warm-up
PORT = 8700


class Relay(Background):
    """Between a sender and a reflector in B. forward and back take (probe number, datagram) and return
    the datagrams to pass on; numbers of warm-up probes and, from `count` on, of the drain are not shown to
    them: those pass."""

    def __init__(self, host, count, forward=None, back=None, reflector=(B4, 862)):
        super().__init__(self._turn)
        self.count, self._forward, self._back = count, forward, back
        self._front = host.udp(host.b, B4, PORT)
        self._rear = host.udp(host.b, B4)
        self._rear.connect(reflector)
        self.client = None
        self.target = f"{B4}:{PORT}"

    def __exit__(self, *error):
        super().__exit__(*error)
        self._front.close()
        self._rear.close()

    def send_back(self, datagram):
        self._front.sendto(datagram, self.client)

    def _turn(self):
        ready, _, _ = select.select([self._front, self._rear], [], [], 0.1)
        if self._front in ready:
            request, self.client = self._front.recvfrom(9216)
            for datagram in self._apply(self._forward, request[0:4], request):
                self._rear.send(datagram)
        if self._rear in ready:
            reply = self._rear.recv(9216)
            for datagram in self._apply(self._back, reply[24:28], reply):
                self.send_back(datagram)

    def _apply(self, policy, octets, datagram):
        number = struct.unpack("!I", octets)[0]
        if policy is None or number >= self.count:
            return [datagram]
        return policy(number, datagram)
