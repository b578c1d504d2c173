import { useEffect, useEffectEvent, useState } from 'react';

/**
 * The text of an input that takes effect by itself, a moment after the last key. `value` is what is in effect,
 * `commit` changes that; when it changes otherwise, such as by going back, the input follows.
 */
export function useTyped(value: string, commit: (text: string) => void, { wait = 300, skip = false } = {}) {
  const [state, setState] = useState({ text: value, value, sent: value });
  if (state.value !== value)
    // An echo of what was typed here must not undo what was typed since.
    setState((s) => ({ text: value === s.sent ? s.text : value, value, sent: value }));
  const { text, sent } = state;
  const wanted = text.trim();
  const send = useEffectEvent(() => {
    setState((s) => ({ ...s, sent: wanted }));
    commit(wanted);
  });
  useEffect(() => {
    if (skip || wanted === sent) return;
    const timer = setTimeout(send, wait);
    return () => clearTimeout(timer);
  }, [wanted, sent, wait, skip]);
  return [text, (next: string) => setState((s) => ({ ...s, text: next }))] as const;
}
