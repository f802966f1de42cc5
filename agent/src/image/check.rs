//! Is this an image that can be restored? Only the platform writes images; what is caught here are accidents: a file cut
//! short, a disk's mistake. The check runs in the sandbox, in the process that is to become the image's.
use super::format::*;
use crate::sys::Tables;

/// `bytes`: of the image's file. The error says what is wrong.
pub fn check(tables: &Tables<'_>, bytes: u64) -> Result<(), &'static str> {
    let header = tables.header();
    let fine = |fine: bool, wrong: &'static str| if fine { Ok(()) } else { Err(wrong) };
    fine(header.magic == MAGIC, "magic number")?;
    fine(header.tables == tables.bytes() && header.tables <= TABLES_MAX, "length of the tables")?;
    fine(header.bytes == bytes && header.bytes % PAGE == 0, "length of the image")?;
    fine(header.checksum == tables.checksum(), "checksum")?;
    let set = header.working_set.checked_add(WORKING_SET_BYTES);
    let inside = header.working_set >= header.tables && set.is_some_and(|end| end <= header.bytes);
    fine(inside, "the working set")?;
    let text = |text: Text| tables.text(text).map(drop).ok_or("text");
    text(header.directory)?;
    let files = tables.get::<File>(header.files).ok_or("files")?;
    fine(files.len() < FILES_MAX as usize, "number of files")?;
    files.iter().try_for_each(|file| text(file.path))?;
    fine(header.executable <= files.len() as u64, "the program")?;
    check_maps(tables.get::<Map>(header.maps).ok_or("maps")?, header, files.len())?;
    check_threads(tables.get::<Thread>(header.threads).ok_or("threads")?, header)?;
    fine(tables.get::<Action>(header.actions).is_some_and(|actions| actions.len() == 65), "actions")?;
    tables.get::<Generator>(header.generators).ok_or("generators")?;
    let timers = tables.get::<Timer>(header.timers).ok_or("timers")?;
    fine(timers.iter().all(|timer| timer.number < TIMERS_MAX), "a timer")?;
    for stored in tables.get::<Stored>(header.stored).ok_or("stored files")? {
        text(stored.path).and(text(stored.target))?;
        let end = stored.offset.checked_add(stored.bytes);
        fine(stored.kind <= STORED_LINK && end.is_some_and(|end| end <= header.bytes), "a stored file")?;
    }
    let descriptors = tables.get::<Descriptor>(header.descriptors).ok_or("descriptors")?;
    for descriptor in descriptors {
        fine((0..DESCRIPTORS_MAX).contains(&descriptor.number) && descriptor.kind <= FD_EPOLL, "descriptor")?;
        text(descriptor.text)?;
    }
    let watches = tables.get::<Watch>(header.watches).ok_or("watches")?;
    let number = 0..DESCRIPTORS_MAX;
    let known = |watch: &Watch| number.contains(&watch.epoll) && number.contains(&watch.target);
    fine(watches.iter().all(known), "watch")
}

fn check_maps(maps: &[Map], header: &Header, files: usize) -> Result<(), &'static str> {
    let (mut start, mut end) = (0, 0);
    for map in maps {
        let whole = map.start % PAGE == 0 && map.end % PAGE == 0 && map.offset % PAGE == 0;
        if !whole || map.start >= map.end || map.start < start || map.protection > 7 {
            return Err("a mapping's borders");
        }
        if map.end > WINDOW && map.start < WINDOW + WINDOW_BYTES {
            return Err("a mapping in the loader's window");
        }
        let bytes = map.end - map.start;
        let fine = match map.kind {
            MAP_ANONYMOUS | MAP_STACK => map.start >= end,
            MAP_FILE | MAP_SHARED_FILE => map.start >= end && (map.file as usize) < files,
            MAP_IMAGE => map.end <= end && map.offset >= header.tables && map.offset + bytes <= header.bytes,
            _ => false,
        };
        if !fine {
            return Err("a mapping");
        }
        start = map.start;
        if map.kind != MAP_IMAGE {
            end = map.end;
        }
    }
    Ok(())
}

fn check_threads(threads: &[Thread], header: &Header) -> Result<(), &'static str> {
    let first = threads.first().ok_or("threads")?;
    if threads.len() as u64 > THREADS_MAX || first.number != header.pid {
        return Err("threads");
    }
    let mut number = first.number;
    for (index, thread) in threads.iter().enumerate() {
        let inside = thread.frame.checked_add(thread.frame_bytes).is_some_and(|end| end <= header.tables);
        let fits = thread.frame % 64 == 0 && thread.frame >= size_of::<Header>() as u64 && thread.frame_bytes > FRAME_STATE;
        if !inside || !fits || index > 0 && thread.number <= number {
            return Err("a thread");
        }
        number = thread.number;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small image that is right: one thread, one mapping of anonymous memory with one page of the image in it.
    fn image() -> Vec<u64> {
        let header = size_of::<Header>() as u64;
        let maps = header.next_multiple_of(64);
        let threads = maps + 2 * size_of::<Map>() as u64;
        let actions = threads + size_of::<Thread>() as u64;
        let frame = (actions + 65 * size_of::<Action>() as u64).next_multiple_of(64);
        let mut words = vec![0u64; PAGE as usize / 4];
        let tables = words.len() as u64 * 8;
        let thread = Thread { number: 2, frame, frame_bytes: 1024, ..Thread::default() };
        let base = Map { start: 0x1000_0000, end: 0x1000_4000, protection: 3, ..Map::default() };
        let page = Map { start: 0x1000_1000, end: 0x1000_2000, offset: tables, kind: MAP_IMAGE, ..base };
        put(&mut words, maps, &[base, page]);
        put(&mut words, threads, &[thread]);
        let table = |offset, count| Table { offset, count };
        let header = Header {
            magic: MAGIC,
            tables,
            bytes: tables + PAGE + WORKING_SET_BYTES,
            working_set: tables + PAGE,
            maps: table(maps, 2),
            threads: table(threads, 1),
            actions: table(actions, 65),
            pid: 2,
            ..Header::default()
        };
        put(&mut words, 0, &[header]);
        seal(words)
    }

    /// Structures of whole words.
    fn put<T: Copy>(words: &mut [u64], offset: u64, values: &[T]) {
        for (at, word) in crate::sys::words_of(values).iter().enumerate() {
            words[offset as usize / 8 + at] = *word;
        }
    }

    fn seal(mut words: Vec<u64>) -> Vec<u64> {
        words[std::mem::offset_of!(Header, checksum) / 8] = checksum(&words);
        words
    }

    fn judge(words: &[u64]) -> Result<(), &'static str> {
        let tables = Tables::new(words);
        check(&tables, tables.bytes() + PAGE + WORKING_SET_BYTES)
    }

    #[test]
    fn a_whole_image_is_accepted() {
        assert_eq!(judge(&image()), Ok(()));
    }

    #[test]
    fn any_changed_bit_of_the_tables_is_noticed() {
        for word in 0..image().len() {
            let mut words = image();
            words[word] ^= 1 << (word % 64);
            assert!(judge(&words).is_err(), "word {word}");
        }
    }

    #[test]
    fn borders_are_checked_even_when_the_sum_is_right() {
        let field = |offset: usize| offset / 8;
        for (word, value) in [
            (field(std::mem::offset_of!(Header, maps)), 1 << 40),
            (field(std::mem::offset_of!(Header, threads)), 4),
            (field(std::mem::offset_of!(Header, maps)) + 1, u64::MAX / 8),
            (field(std::mem::offset_of!(Header, bytes)), PAGE),
            (field(std::mem::offset_of!(Header, working_set)), 2 * PAGE + WORKING_SET_BYTES),
            (field(std::mem::offset_of!(Header, working_set)), 0),
        ] {
            let mut words = image();
            words[word] = value;
            assert!(judge(&seal(words)).is_err(), "word {word}");
        }
    }
}
