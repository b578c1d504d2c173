import { createRoot } from 'react-dom/client';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import signUp from '../operations/sign_up.graphql';
import signIn from '../operations/sign_in.graphql';
import listTickets from '../operations/list_tickets.graphql';
import createTicket from '../operations/create_ticket.graphql';
import reserve from '../operations/reserve.graphql';
import pay from '../operations/pay.graphql';
import myOrders from '../operations/my_orders.graphql';
import cancel from '../operations/cancel.graphql';

// An operation's file begins with its example variables in a comment.
function tab(text) {
  const [, variables, query] = /^# (\{.*\})\n([^]*)$/.exec(text) ?? [null, null, text];
  return { query, variables: variables && JSON.stringify(JSON.parse(variables), null, 2) };
}

// Cookies of this origin go along, so that signing in in one tab counts in all of them.
async function fetcher(params, { headers } = {}) {
  const response = await fetch('/graphql', {
    method: 'POST',
    credentials: 'same-origin',
    headers: {
      Accept: 'application/graphql-response+json, application/json',
      'Content-Type': 'application/json',
      ...headers,
    },
    body: JSON.stringify(params),
  });
  return response.json();
}

const tabs = [signUp, signIn, listTickets, createTicket, reserve, pay, myOrders, cancel].map(tab);
// GraphiQL remembers the tabs in the browser; on the first visit it leaves the variables of the
// first one out unless it gets them here.
const firstVisit = localStorage.getItem('graphiql:tabState') === null;

createRoot(document.getElementById('playground')).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={tabs}
    variables={firstVisit ? tabs[0].variables : undefined}
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders={false}
    inputValueDeprecation
    schemaDescription
  />,
);
