import { ButtonLink } from '../ui/Button';
import { Page } from '../ui/Page';

export function NotFound({ what = 'page' }: { what?: string }) {
  return (
    <Page title={`No such ${what}`} lead="The address may be mistyped, or what was here is gone.">
      <ButtonLink to="/" look="primary">
        See what is on sale
      </ButtonLink>
    </Page>
  );
}
