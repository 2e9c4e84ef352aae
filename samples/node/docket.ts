import { startDocket } from 'docket-testing';

/** Starts Docket before all tests and stops it after them. In the tests, `startDocket` uses this server. */
export default async function () {
  const docket = await startDocket();
  process.env.DOCKET_URL = docket.url;
  return () => docket.stop();
}
