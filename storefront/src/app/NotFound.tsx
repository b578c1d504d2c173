import { ButtonLink } from '../ui/Button';
import { Page } from '../ui/Page';

export function NotFound({ what = 'Page', lead = 'The address may be wrong, or it was removed.' }) {
  return (
    <Page title={`${what} not found`} lead={lead}>
      <ButtonLink to="/" look="primary">
        Browse tickets
      </ButtonLink>
    </Page>
  );
}
