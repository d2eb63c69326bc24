import { connect } from 'node:net';

/**
 * Whether something accepts connections at the address of a URL.
 * @param {string} url
 * @param {number} defaultPort
 */
export function isReachable(url, defaultPort) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || defaultPort });
    const answer = (reachable) => {
      socket.destroy();
      resolve(reachable);
    };
    socket.setTimeout(5000, () => answer(false));
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
