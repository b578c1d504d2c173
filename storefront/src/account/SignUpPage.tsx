import { useApolloClient } from '@apollo/client/react';
import { Link, Navigate, useSearchParams } from 'react-router';
import { graphql } from '../gql';
import { Button } from '../ui/Button';
import { Field, FormErrors } from '../ui/Field';
import { useForm } from '../ui/form';
import { Page } from '../ui/Page';
import { toast } from '../ui/toast';
import { nextOf, withNext } from './next';
import { sessionChanged, useViewer } from './session';
import css from './Account.module.css';

const signUp = graphql(`
  mutation SignUp($input: SignUpInput!) {
    signUp(input: $input) {
      viewer {
        email
        user {
          id
          displayName
        }
      }
      errors {
        __typename
        ... on UserError {
          code
          message
          path
        }
        ... on RateLimitedError {
          retryAfterSeconds
        }
      }
    }
  }
`);

export default function SignUpPage() {
  const client = useApolloClient();
  const viewer = useViewer();
  const [search] = useSearchParams();
  const form = useForm(async (value) => {
    const { data } = await client.mutate({
      mutation: signUp,
      variables: {
        input: {
          email: value('email'),
          password: value('password'),
          displayName: value('displayName').trim() || null,
        },
      },
      fetchPolicy: 'no-cache', // the cache is cleared next
    });
    const { viewer, errors } = data.signUp;
    if (!viewer) return errors;
    await sessionChanged(client);
    toast(`Welcome, ${viewer.user.displayName}.`, { tone: 'success' });
    return undefined;
  });
  if (viewer) return <Navigate to={nextOf(search)} replace />;
  return (
    <Page title="Create an account" narrow>
      <form {...form.props} className={css.form}>
        <FormErrors form={form} />
        <Field
          form={form}
          name="displayName"
          label="Name"
          hint="Optional. Buyers see it when you sell a ticket."
          autoComplete="nickname"
          maxLength={50}
        />
        <Field
          form={form}
          name="email"
          label="Email"
          missing="Enter your email."
          type="email"
          autoComplete="username"
          inputMode="email"
          required
        />
        <Field
          form={form}
          name="password"
          label="Password"
          type="password"
          hint="At least 8 characters. A short phrase works well."
          autoComplete="new-password"
          required
        />
        <Button type="submit" look="primary" wide busy={form.pending}>
          Create account
        </Button>
        <p className={css.other}>
          Already have an account? <Link to={withNext('/sign-in', search)}>Sign in</Link>
        </p>
      </form>
    </Page>
  );
}
