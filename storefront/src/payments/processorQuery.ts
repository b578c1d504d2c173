import { graphql } from '../gql';

/** Who takes the cards: it decides which form asks for one. */
export const processorQuery = graphql(`
  query CardProcessor {
    cardProcessor {
      kind
      publishableKey
    }
  }
`);
