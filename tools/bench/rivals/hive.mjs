// The configuration of Hive Gateway: nothing is turned on that costs.
import { defineConfig } from '@graphql-hive/gateway';

export const gatewayConfig = defineConfig({
  graphqlEndpoint: '/graphql',
  landingPage: false,
  graphiql: false,
  logging: 'error',
  disableWebsockets: true,
});
