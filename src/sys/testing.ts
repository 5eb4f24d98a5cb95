/** What tests over real loopback sockets share. */
import os from 'node:os';

const loopback = os.networkInterfaces().lo ?? [];

/** For `test(name, { skip: WITHOUT_IPV6 }, …)`: why a test over ::1 cannot run here, or false. */
export const WITHOUT_IPV6: string | false = loopback.some(({ address }) => address === '::1') ? false : 'no ::1 here';
