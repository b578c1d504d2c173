import css from './Skeleton.module.css';

/** The place of something that is on its way. It is silent; the list or page around it says that it loads. */
export function Skeleton({ width = '100%', height = '1em', className }: { width?: string; height?: string; className?: string }) {
  return <span className={[css.skeleton, className].filter(Boolean).join(' ')} style={{ width, height }} aria-hidden="true" />;
}
