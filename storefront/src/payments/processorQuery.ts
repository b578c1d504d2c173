import { graphql } from '../gql';

/** The card processor, which determines the card form. */
export const processorQuery = graphql(`
  query CardProcessor {
    cardProcessor {
      kind
      publishableKey
    }
  }
`);
