/**
 * `npm run image [-- DIRECTORY]`: the root file system of the image, from this checkout, the packages of the Debian that it runs
 * on, and the production dependencies. The Dockerfile runs it; a test starts what comes of it.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { copy, output, unpackPackages } from './packages.ts';

const checkout = resolve(import.meta.dirname, '../..');
/** Where nodens is in the image, as the Dockerfile has it. */
const HOME = 'opt/nodens';
const NODE = 'usr/local/bin/node';
/** Not effective until nodens makes them so: where a container has been given fewer, it starts nevertheless and says what is missing. */
const FILE_CAPABILITIES = 'cap_net_admin,cap_net_bind_service=p';
/** Mounts go there, and what a container writes. */
const EMPTY = ['dev', 'etc/coredns', 'proc', 'run/nodens', 'sys', 'tmp', 'var'];
const FILES = {
  'etc/passwd': 'root:x:0:0:root:/:/nologin\nnodens:x:65532:65532:nodens:/:/nologin\n',
  'etc/group': 'root:x:0:\nnodens:x:65532:\n',
  'etc/nsswitch.conf': 'hosts: files dns\n',
};
/** A command for `kubectl exec`; there is no shell. */
const COMMAND = `#!/${NODE} --disable-sigusr1\nimport('/${HOME}/dist/cli/main.js');\n`;

const root = resolve(process.argv[2] ?? join(checkout, 'build/image'));
if (existsSync(root) && readdirSync(root).length > 0) {
  process.stderr.write(`${root} is not empty: remove it, or name another directory\n`);
  process.exit(1);
}
for (const path of EMPTY) mkdirSync(join(root, path), { recursive: true });
chmodSync(join(root, 'tmp'), 0o1777);
chmodSync(join(root, 'run/nodens'), 0o1777);
for (const [path, text] of Object.entries(FILES)) writeFileSync(join(root, path), text);
const installed = unpackPackages(root);
if (installed.length > 0) process.stderr.write(`not downloaded, but taken from this host: ${installed.join(' ')}\n`);
trustAuthorities();
chooseIptables();
installNodens();
if (process.geteuid?.() === 0) output('setcap', [FILE_CAPABILITIES, join(root, NODE)]);
else process.stderr.write('not root: the file of Node gets no capabilities, so that only root can run what is here\n');
process.stdout.write(`${root}\n`);

/** Where Node's OpenSSL looks for them. */
function trustAuthorities(): void {
  const directory = join(root, 'usr/share/ca-certificates/mozilla');
  const authorities = readdirSync(directory).map((file) => readFileSync(join(directory, file), 'utf8').trim());
  mkdirSync(join(root, 'etc/ssl'), { recursive: true });
  writeFileSync(join(root, 'etc/ssl/cert.pem'), `${authorities.join('\n')}\n`);
}

/** The name without a flavour, which Debian's alternatives would make. */
function chooseIptables(): void {
  for (const family of ['iptables', 'ip6tables']) {
    for (const what of ['', '-save', '-restore'])
      symlinkSync(`${family}-nft${what}`, join(root, `usr/sbin/${family}${what}`));
  }
}

function installNodens(): void {
  copy(join(checkout, 'node_modules/node/bin/node'), join(root, NODE));
  const compiler = join(checkout, 'node_modules/.bin/tsc');
  output(compiler, ['-p', join(checkout, 'tsconfig.build.json'), '--outDir', join(root, HOME, 'dist')]);
  const listed = output('npm', ['ls', '--prefix', checkout, '--omit=dev', '--all', '--parseable']).toString().trim();
  const dependencies = listed
    .split('\n')
    .map((path) => relative(checkout, path))
    .filter((path) => path !== '');
  for (const path of ['package.json', 'LICENSE', ...dependencies]) copy(join(checkout, path), join(root, HOME, path));
  writeFileSync(join(root, 'usr/local/bin/nodens'), COMMAND, { mode: 0o755 });
}
