import { graphql } from '../gql';

export const accountQuery = graphql(`
  query Account {
    viewer {
      email
      session {
        id
        createdAt
        expiresAt
      }
      user {
        id
        displayName
        memberSince
      }
    }
  }
`);
