//! Which pages copies of an image write to until their first answer, as one of them was seen to (launcher/dump/learn.rs). The
//! next ones copy them in one go: a page fault for each, most of them after the page was mapped for reading, costs three to
//! four times as much. It is a hint: an image without it, or with one that is damaged, is restored all the same.
//!
//! In the image: a sum of all that follows, a count, so many entries.
use super::format::*;

pub const ENTRIES_MAX: usize = WORKING_SET_BYTES as usize / 8 - 2;
/// Pages of all entries: more are left to be copied one by one, when it is known that this copy needs them.
const PAGES_MAX: u64 = 8192;

/// Whole words as they are written. `runs`: addresses of pages, from and to, ascending.
pub fn pack(runs: &[std::ops::Range<u64>]) -> Vec<u64> {
    let stretches = runs.iter().flat_map(|run| {
        let step = STRETCH_MAX * PAGE;
        run.clone().step_by(step as usize).map(move |start| (start, (run.end - start).min(step) / PAGE))
    });
    let mut left = PAGES_MAX;
    let fitting = stretches.take_while(|(_, pages)| {
        let fits = *pages <= left;
        left = left.saturating_sub(*pages);
        fits
    });
    let entries: Vec<u64> = fitting.take(ENTRIES_MAX).map(|(start, pages)| start | (pages - 1)).collect();
    let rest = || std::iter::once(entries.len() as u64).chain(entries.iter().copied());
    std::iter::once(sum(rest())).chain(rest()).collect()
}

/// The entries of `words`, which may be anything; none if anything is wrong with them. Each lies within one private mapping
/// of the image that the process may write to.
pub fn checked<'a>(words: &'a [u64], maps: &[Map]) -> &'a [u64] {
    let [told, count, entries @ ..] = words else { return &[] };
    let Some(entries) = entries.get(..*count as usize).filter(|_| *count <= ENTRIES_MAX as u64) else { return &[] };
    let whole = sum(std::iter::once(*count).chain(entries.iter().copied())) == *told;
    let mut end = 0;
    let mut pages = 0;
    let mut bases = maps.iter().filter(|map| map.kind != MAP_IMAGE).peekable();
    let fine = entries.iter().all(|entry| {
        let start = entry / PAGE * PAGE;
        let more = entry % PAGE;
        let behind = start >= end;
        pages += more + 1;
        end = start.saturating_add((more + 1) * PAGE);
        while bases.next_if(|base| base.end <= start).is_some() {}
        behind && pages <= PAGES_MAX && bases.peek().is_some_and(|base| is_own(base, start, end))
    });
    if whole && fine { entries } else { &[] }
}

fn is_own(base: &Map, start: u64, end: u64) -> bool {
    const PROT_WRITE: u32 = 2;
    base.start <= start && end <= base.end && base.protection & PROT_WRITE != 0 && base.kind != MAP_SHARED_FILE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> Vec<Map> {
        let base = Map { start: 0x10_0000, end: 0x20_0000, protection: 3, ..Map::default() };
        let page = Map { start: 0x11_0000, end: 0x11_2000, kind: MAP_IMAGE, ..base };
        let read_only = Map { start: 0x20_0000, end: 0x30_0000, protection: 1, ..base };
        let shared = Map { start: 0x30_0000, end: 0x40_0000, kind: MAP_SHARED_FILE, ..base };
        let large = Map { start: 0x1_0000_0000, end: 0x2_0000_0000, ..base };
        vec![base, page, read_only, shared, large]
    }

    #[test]
    fn what_is_packed_is_read() {
        let words = pack(&[0x10_0000..0x10_1000, 0x11_0000..0x12_0000]);
        assert_eq!(checked(&words, &maps()), [0x10_0000, 0x11_000f]);
        assert!(checked(&pack(&[]), &maps()).is_empty());
    }

    #[test]
    fn long_runs_are_cut_and_too_many_pages_left_out() {
        let long = 0x1_0000_0000..0x1_0000_0000 + (STRETCH_MAX + 2) * PAGE;
        let words = pack(&[long.clone()]);
        let second = long.start + STRETCH_MAX * PAGE;
        assert_eq!(checked(&words, &maps()), [long.start | (STRETCH_MAX - 1), second | 1]);
        let words = pack(&[0x1_0000_0000..0x1_8000_0000]);
        assert_eq!(checked(&words, &maps()).len() as u64, PAGES_MAX / STRETCH_MAX);
        let apart: Vec<_> = (0..6000).map(|n| 0x1_0000_0000 + 2 * n * PAGE..0x1_0000_0000 + (2 * n + 1) * PAGE).collect();
        let words = pack(&apart);
        assert_eq!((words.len() * 8, checked(&words, &maps()).len()), (WORKING_SET_BYTES as usize, ENTRIES_MAX));
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        let words = pack(&[0x10_0000..0x10_3000, 0x11_0000..0x12_0000]);
        for at in 0..words.len() * 64 {
            let mut damaged = words.clone();
            damaged[at / 64] ^= 1 << (at % 64);
            assert!(checked(&damaged, &maps()).is_empty(), "bit {at}");
        }
    }

    #[test]
    fn memory_that_a_copy_may_not_write_to_is_never_named() {
        for run in [
            0x0..0x1000,
            0x1f_f000..0x20_1000,
            0x20_0000..0x20_1000,
            0x30_0000..0x30_1000,
            0x50_0000..0x50_1000,
            0u64.wrapping_sub(2 * PAGE)..0u64.wrapping_sub(PAGE),
            WINDOW..WINDOW + PAGE,
        ] {
            assert!(checked(&pack(&[run.clone()]), &maps()).is_empty(), "{run:x?}");
        }
        let twice = pack(&[0x10_0000..0x10_2000, 0x10_1000..0x10_2000]);
        assert!(checked(&twice, &maps()).is_empty());
    }

    #[test]
    fn anything_can_be_read() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 20
        };
        for length in 0..200 {
            let mut words: Vec<u64> = (0..length).map(|_| next()).collect();
            if length > 1 {
                words[1] = next() % 64;
                let count = words[1] as usize;
                words[0] = sum(words[1..].iter().take(count + 1).copied());
            }
            let entries = checked(&words, &maps());
            assert!(entries.iter().all(|entry| (0x10_0000..0x2_0000_0000).contains(entry)));
        }
        assert!(checked(&[0, u64::MAX], &maps()).is_empty());
    }
}
