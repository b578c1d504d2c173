import { useEffect, useEffectEvent, useRef, useState } from 'react';

/**
 * The text of an input that is committed a moment after the last key. `value` is the committed text. When it changes
 * in another way, such as by going back, the input follows.
 */
export function useTyped(value: string, commit: (text: string) => void, { wait = 300, skip = false } = {}) {
  const [text, setText] = useState(value);
  const sent = useRef<string[]>([]); // committed, and not yet back as `value`
  // Not while rendering: React may drop a rendering of a new `value` for a key, and come back to it later.
  useEffect(() => {
    const at = sent.current.indexOf(value);
    sent.current = at < 0 ? [] : sent.current.slice(at + 1);
    if (at < 0) setText(value);
  }, [value]);
  const wanted = text.trim();
  const send = useEffectEvent(() => {
    if (wanted === value) return;
    sent.current.push(wanted);
    commit(wanted);
  });
  useEffect(() => {
    if (skip) return;
    const timer = setTimeout(send, wait);
    return () => clearTimeout(timer);
  }, [wanted, value, wait, skip]);
  return [text, setText] as const;
}
