"""
A likeness of `tc` for machines whose kernel has no netem, for tests only: first on the PATH of a test host, it takes the
calls that src/faults/drivers/network makes, and holds packets back in user space. Others go to the real tc.

Packets that the filters name are marked by nftables and routed into a TUN device, from which a process of its own takes
them, waits, and sends them on. As with netem, each waits delay ± jitter, evenly distributed, and may overtake others.
IPv4 only.
"""
import fcntl
import heapq
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time

REAL_TC = next((each for each in ('/usr/sbin/tc', '/sbin/tc') if os.path.exists(each)), 'tc')
NAMESPACE = os.stat('/proc/self/ns/net').st_ino
STATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'netem-%d.json' % NAMESPACE)
DEVICE, TABLE = 'netem0', 'netem_likeness'
HELD, FREE, ROUTES = '0x7e', 0x7F, '126'
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def run(*command, text=None):
    subprocess.run(command, input=text, check=True, text=True, stdout=subprocess.DEVNULL)


def read():
    try:
        with open(STATE) as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def write(state):
    with open(STATE, 'w') as file:
        json.dump(state, file)


def show(words):
    state = read()
    named = 'dev' in words
    if state is not None:
        where = '' if named else 'dev %s ' % state['dev']
        print('qdisc prio %s %sroot refcnt 2 bands 4' % (state['handle'], where))
        print('qdisc netem 8001: %sparent %s4 limit 100000 delay' % (where, state['handle']))
    elif named:
        print('qdisc noqueue 0: root refcnt 2')


def milliseconds(word):
    assert word.endswith('ms'), word
    return float(word[:-2]) / 1000


def add_netem(words):
    state = read()
    times = [milliseconds(word) for word in words[words.index('delay') + 1 :]]
    state['pid'] = start_holding(times[0], times[1] if len(times) > 1 else 0)
    write(state)
    rules = ['add table inet ' + TABLE, 'add chain inet %s out { type route hook output priority -150; }' % TABLE]
    rules += ['add rule inet %s out %s accept' % (TABLE, match) for match in ('meta mark 0x%x' % FREE, 'oifname "lo"')]
    run('nft', '-f', '-', text='\n'.join(rules) + '\n')


def add_filter(words):
    if words[words.index('protocol') + 1] == 'ipv6':
        return
    match = 'tcp '
    for index, word in enumerate(words):
        if word == 'dst':
            match = 'ip daddr %s tcp ' % words[index + 1].split('/')[0]
        if word in ('sport', 'dport'):
            match += '%s %s' % (word, words[index + 1])
    run('nft', 'add', 'rule', 'inet', TABLE, 'out', *match.split(), 'meta', 'mark', 'set', HELD)


def delete():
    state = read()
    os.unlink(STATE)
    run('nft', 'add', 'table', 'inet', TABLE)
    run('nft', 'delete', 'table', 'inet', TABLE)
    if 'pid' in state:
        run('ip', 'rule', 'del', 'fwmark', HELD, 'table', ROUTES)
        os.kill(state['pid'], signal.SIGTERM)


def start_holding(delay, jitter):
    """Starts the process that holds packets back, and returns its number when it does."""
    ready, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        hold(delay, jitter, lambda: os.close(done))
    os.close(done)
    os.read(ready, 1)
    return pid


def hold(delay, jitter, on_ready):
    tun = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH', DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    run('ip', 'link', 'set', DEVICE, 'mtu', '1500', 'txqueuelen', '100000', 'up')
    run('ip', 'route', 'add', 'default', 'dev', DEVICE, 'table', ROUTES)
    run('ip', 'rule', 'add', 'fwmark', HELD, 'table', ROUTES)
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    out.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, FREE)
    out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
    on_ready()
    held = []
    while True:
        now = time.monotonic()
        while held and held[0][0] <= now:
            packet = heapq.heappop(held)[2]
            try:
                out.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
            except OSError:
                pass
        wait = held[0][0] - now if held else None
        if not select.select([tun], [], [], wait)[0]:
            continue
        packet = os.read(tun, 65536)
        if packet[0] >> 4 == 4:
            heapq.heappush(held, (time.monotonic() + random.uniform(delay - jitter, delay + jitter), id(packet), packet))


def main(words):
    what = ' '.join(words[:2])
    if what == 'qdisc show':
        return show(words)
    if what == 'qdisc add' and words[4:6] == ['root', 'netem']:
        return None  # whether there is netem: there is
    if what == 'qdisc add' and words[4:6] == ['root', 'handle']:
        return write({'dev': words[3], 'handle': words[6]})
    if what == 'qdisc add' and 'netem' in words:
        return add_netem(words)
    if what == 'filter add':
        return add_filter(words)
    if what == 'qdisc del' and read() is not None:
        return delete()
    os.execv(REAL_TC, [REAL_TC] + words)


main(sys.argv[1:])
