import { ButtonLink } from '../ui/Button';
import { Page } from '../ui/Page';

export function NotFound({ what = 'Page' }: { what?: string }) {
  return (
    <Page title={`${what} not found`} lead="The address may be wrong, or it was removed.">
      <ButtonLink to="/" look="primary">
        Browse tickets
      </ButtonLink>
    </Page>
  );
}
