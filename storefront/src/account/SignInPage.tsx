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

const signIn = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
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

export default function SignInPage() {
  const client = useApolloClient();
  const viewer = useViewer();
  const [search] = useSearchParams();
  const form = useForm(async (value) => {
    const { data } = await client.mutate({
      mutation: signIn,
      variables: { input: { email: value('email'), password: value('password') } },
      fetchPolicy: 'no-cache', // the cache is cleared next
    });
    const { viewer, errors } = data.signIn;
    if (!viewer) return errors;
    await sessionChanged(client);
    toast(`Welcome back, ${viewer.user.displayName}.`, { tone: 'success' });
    return undefined;
  });
  if (viewer) return <Navigate to={nextOf(search)} replace />;
  return (
    <Page title="Sign in" narrow>
      <form {...form.props} className={css.form}>
        <FormErrors form={form} />
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
        <Field form={form} name="password" label="Password" type="password" autoComplete="current-password" required />
        <Button type="submit" look="primary" wide busy={form.pending}>
          Sign in
        </Button>
        <p className={css.other}>
          New here? <Link to={withNext('/sign-up', search)}>Create an account</Link>
        </p>
      </form>
    </Page>
  );
}
