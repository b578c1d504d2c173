import { useEffect, useRef } from 'react';
import { Outlet, ScrollRestoration, useLocation, useNavigation } from 'react-router';
import { Toaster } from '../ui/Toaster';
import { Banner } from './Banner';
import { Header } from './Header';
import css from './Shell.module.css';

/** The frame of every page. */
export function Shell() {
  const { pathname } = useLocation();
  const { state } = useNavigation();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    // Screen readers announce the new page by its heading.
    if (!first.current) (main.current?.querySelector('h1') ?? main.current)?.focus({ preventScroll: true });
    first.current = false;
  }, [pathname]);
  return (
    <>
      <a className={css.skip} href="#main">
        Skip to content
      </a>
      <div className={css.progress} data-loading={state !== 'idle' || undefined} aria-hidden="true" />
      <Header />
      <Banner />
      <main id="main" ref={main} tabIndex={-1} className={css.main}>
        <Outlet />
      </main>
      <footer className={css.footer}>
        <p>Boxoffice. Tickets from people who can’t go, for people who can.</p>
      </footer>
      <Toaster />
      <ScrollRestoration />
    </>
  );
}
