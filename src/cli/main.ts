/** Where the program starts. This folder alone reads argv and the environment, and exits. */

// Loading the rest takes a moment, with nothing to take down yet. Without a handler the signal would end us with another
// exit code, and as process 1 of a container never arrive.
const end = () => process.exit(0);
const signals = ['SIGTERM', 'SIGINT'] as const;
for (const signal of signals) process.on(signal, end);
const loaded = () => {
  for (const signal of signals) process.off(signal, end);
};

const [command, ...rest] = process.argv.slice(2);
if (command === 'doctor') {
  // It looks with the eyes of the server.
  const { usePermittedCapabilities } = await import('./capabilities.ts');
  await usePermittedCapabilities();
  const { doctor } = await import('./doctor.ts');
  await doctor(rest);
} else if (command === 'check') {
  const { check } = await import('./check.ts');
  await check(rest);
} else if (command === 'explain') {
  const { explain } = await import('./explain.ts');
  await explain(rest);
} else {
  // First, as it may start all over again.
  const { keepNeededCapabilities } = await import('./capabilities.ts');
  const warning = await keepNeededCapabilities();
  const { serve } = await import('./serve.ts');
  await serve(process.argv.slice(2), loaded, warning);
}
