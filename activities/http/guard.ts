import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';

export type Lookup = LookupFunction;

/** No connection was made: surely nothing was sent. */
export class ConnectFailed extends Error {
  readonly blocked: boolean;

  constructor(message: string, details: { blocked: boolean; cause?: unknown }) {
    super(message, { cause: details.cause });
    this.blocked = details.blocked;
  }
}

export interface AddressGuard {
  /** Why this IP address must not be dialled; `undefined` = it may. */
  refuseAddress(address: string): string | undefined;
  /** The same for the host of a URL; a name passes here and is judged by its addresses later. */
  refuseHost(hostname: string): string | undefined;
  /** Why this port of this address must not be dialled. */
  refusePort(address: string, port: number): string | undefined;
}

/** All that is assigned for the public IPv6 network; leaves out forms like `::7f00:1` that embed an IPv4 address. */
const [globalUnicast, globalBits] = ipaddr.parseCIDR('2000::/3');

/**
 * Only public unicast addresses, and the operator's own networks. `allowedNetworks` are CIDRs; throws on a wrong one.
 * A plain host name like `localhost` is resolved and judged by its addresses.
 */
export function createAddressGuard(allowedNetworks: string[]): AddressGuard {
  const networks = allowedNetworks.map((cidr) => ipaddr.parseCIDR(cidr.trim()));
  const inAllowedNetwork = (ip: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
    networks.some(([network, bits]) => network.kind() === ip.kind() && ip.match(network, bits));

  const refuseAddress = (address: string): string | undefined => {
    if (!ipaddr.isValid(address)) return 'the address is not an IP address';
    // `process` unwraps IPv4-mapped IPv6, the usual way around a list of IPv4 ranges.
    const ip = ipaddr.process(address);
    if (inAllowedNetwork(ip)) return undefined;
    const range = ip.range();
    const isPublic = range === 'unicast' && (ip.kind() === 'ipv4' || ip.match(globalUnicast, globalBits));
    return isPublic ? undefined : `the address is in a network that is not allowed (${range})`;
  };

  return {
    refuseAddress,
    refuseHost(hostname) {
      const bare = hostname.replace(/^\[|\]$/g, '');
      return isIP(bare) === 0 ? undefined : refuseAddress(bare);
    },
    refusePort(address, port) {
      if (port === 80 || port === 443 || port >= 1024) return undefined;
      if (ipaddr.isValid(address) && inAllowedNetwork(ipaddr.process(address))) return undefined;
      return `port ${port} is not allowed`;
    },
  };
}

/** A lookup that hands on all addresses or, when one of them is refused, none. */
function guardedLookup(guard: AddressGuard, lookup: Lookup): Lookup {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const addresses = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }];
      const first = addresses[0];
      const refused =
        first === undefined
          ? 'the name has no address'
          : addresses.map(({ address }) => guard.refuseAddress(address)).find((reason) => reason !== undefined);
      if (refused !== undefined || first === undefined) {
        callback(new ConnectFailed(refused ?? 'the name has no address', { blocked: first !== undefined }), []);
      } else if (options.all === true) {
        callback(null, addresses);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

/**
 * undici's connector, with every failure marked as `ConnectFailed`. With a guard, the socket gets exactly the addresses
 * that were checked, so a name that resolves differently a moment later (DNS rebinding) changes nothing.
 */
export function guardedConnector(options: {
  guard?: AddressGuard;
  timeoutMs: number;
  lookup?: Lookup;
}): buildConnector.connector {
  const { guard, timeoutMs } = options;
  const base = buildConnector({
    timeout: timeoutMs,
    ...(guard && { lookup: guardedLookup(guard, options.lookup ?? systemLookup) }),
  });
  return (target, callback) => {
    const refused = guard?.refuseHost(target.hostname);
    if (refused !== undefined) {
      queueMicrotask(() => callback(new ConnectFailed(refused, { blocked: true }), null));
      return;
    }
    base(target, (error, socket) => {
      if (error !== null) {
        callback(asConnectFailed(error), null);
        return;
      }
      const address = socket.remoteAddress ?? '';
      const port = Number(target.port) || (target.protocol === 'https:' ? 443 : 80);
      const late = guard && (guard.refuseAddress(address) ?? guard.refusePort(address, port));
      if (late === undefined) {
        callback(null, socket);
      } else {
        socket.destroy();
        callback(new ConnectFailed(late, { blocked: true }), null);
      }
    });
  };
}

function asConnectFailed(error: Error): ConnectFailed {
  if (error instanceof ConnectFailed) return error;
  const code = (error as NodeJS.ErrnoException).code;
  return new ConnectFailed(code ?? 'the connection failed', { blocked: false, cause: error });
}
