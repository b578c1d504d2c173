import { ApolloProvider } from '@apollo/client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router/dom';
import { watchSession } from './account/session';
import { createClient } from './app/client';
import { watchNetwork } from './app/comeBack';
import { createRouter } from './app/routes';
import { comeBack } from './payments/comeBack';
import './ui/base.css';

// A page that was opened before the current build was deployed may need files that are gone.
addEventListener('vite:preloadError', (event) => {
  if (!navigator.onLine) return; // the error page reloads when online again
  const last = Number(sessionStorage.getItem('reloaded') ?? 0);
  if (Date.now() - last < 60_000) return; // reloading did not help: show the error page
  sessionStorage.setItem('reloaded', String(Date.now()));
  event.preventDefault();
  location.reload();
});

comeBack();
const client = createClient();
watchSession(client);
watchNetwork(client);

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <ApolloProvider client={client}>
      <RouterProvider router={createRouter(client)} />
    </ApolloProvider>
  </StrictMode>,
);
