import { useEffect, useEffectEvent, useState } from 'react';

/**
 * The text of an input that is committed a moment after the last key. `value` is the committed text. When it changes
 * in another way, such as by going back, the input follows.
 */
export function useTyped(value: string, commit: (text: string) => void, { wait = 300, skip = false } = {}) {
  const [state, setState] = useState({ text: value, value, sent: value });
  if (state.value !== value)
    // The committed text comes back as `value` and must not undo later input.
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
