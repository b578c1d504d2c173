// Audits a GraphQL endpoint with graphql-http, the reference implementation of GraphQL over HTTP, and prints one line of
// JSON per audit: {id, name, status: ok | notice | warn | error, reason}.
// Usage: node audit.mjs URL
import { serverAudits } from 'graphql-http';

for (const audit of serverAudits({ url: process.argv[2] })) {
  const { id, name, status, reason } = await audit.fn();
  console.log(JSON.stringify({ id, name, status, reason }));
}
