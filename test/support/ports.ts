export { freePort } from '../../src/sys/testing/free-port.ts';
