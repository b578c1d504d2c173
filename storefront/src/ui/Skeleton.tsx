import css from './Skeleton.module.css';

/** A placeholder for content that loads. Screen readers ignore it: the list or page around it is marked busy. */
export function Skeleton({ width = '100%', height = '1em', className }: { width?: string; height?: string; className?: string }) {
  return <span className={[css.skeleton, className].filter(Boolean).join(' ')} style={{ width, height }} aria-hidden="true" />;
}
