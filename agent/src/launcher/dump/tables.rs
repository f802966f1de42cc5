//! What an image says beside its pages (image/format.rs), and how it is laid out.
use super::refusal::{OrRefuse, Refusal, refuse};
use super::x86;
use crate::image::format::{
    Action, Descriptor, File, Generator, Header, MAGIC, Map, PAGE, Stored, TABLES, TABLES_MAX, Table, Text, Thread, Timer, Watch,
    checksum,
};
use crate::launcher::failure::Step;
use crate::sys::{Plain, bytes_of};
use std::os::unix::fs::FileExt;

/// Frames begin at multiples of this: the processor wants its state so.
const FRAME_ALIGNMENT: u64 = 64;

#[derive(Default)]
pub struct Tables {
    pub header: Header,
    pub maps: Vec<Map>,
    pub files: Vec<File>,
    pub threads: Vec<Thread>,
    /// one a thread
    pub frames: Vec<Vec<u8>>,
    /// where each thread goes on
    pub resume: Vec<u64>,
    pub descriptors: Vec<Descriptor>,
    pub watches: Vec<Watch>,
    pub actions: Vec<Action>,
    pub generators: Vec<Generator>,
    pub stored: Vec<Stored>,
    pub timers: Vec<Timer>,
    pub text: Vec<u8>,
}

impl Tables {
    pub fn add_text(&mut self, bytes: &[u8]) -> Text {
        let offset = self.text.len() as u64;
        self.text.extend_from_slice(bytes);
        Text { offset, bytes: bytes.len() as u64 }
    }

    pub fn text_of(&self, text: Text) -> &[u8] {
        &self.text[text.offset as usize..][..text.bytes as usize]
    }

    /// Whole pages that suffice for header and tables when `more` mappings and `stored` files have been added.
    pub fn room(&self, more: u64, stored: usize) -> Result<u64, Refusal> {
        let maps = (self.maps.len() as u64 + more) * size_of::<Map>() as u64;
        let frames: u64 = self.frames.iter().map(|frame| frame.len() as u64 + FRAME_ALIGNMENT).sum();
        let others = size_of_val(&self.files[..])
            + size_of_val(&self.threads[..])
            + size_of_val(&self.descriptors[..])
            + size_of_val(&self.watches[..])
            + size_of_val(&self.actions[..])
            + size_of_val(&self.generators[..])
            + size_of_val(&self.timers[..])
            + stored * size_of::<Stored>()
            + self.text.len();
        // the alignment of each
        let bytes = size_of::<Header>() as u64 + maps + frames + others as u64 + 16 * FRAME_ALIGNMENT;
        let room = bytes.next_multiple_of(PAGE);
        if room > TABLES_MAX { refuse("memory", "its memory is in too many pieces") } else { Ok(room) }
    }

    /// Writes everything but the pages, which begin at `room`; `bytes` of the whole image.
    pub fn write(mut self, file: &std::fs::File, room: u64, bytes: u64) -> Result<(), Refusal> {
        let mut image = vec![0; size_of::<Header>()];
        for (thread, frame) in self.threads.iter_mut().zip(&mut self.frames) {
            image.resize(image.len().next_multiple_of(FRAME_ALIGNMENT as usize), 0);
            thread.frame = image.len() as u64;
            thread.frame_bytes = frame.len() as u64;
            x86::place(frame, TABLES + thread.frame);
            image.extend_from_slice(frame);
        }
        let mut header = Header { magic: MAGIC, tables: room, bytes, ..self.header };
        header.maps = put(&mut image, &self.maps);
        header.files = put(&mut image, &self.files);
        header.threads = put(&mut image, &self.threads);
        header.descriptors = put(&mut image, &self.descriptors);
        header.watches = put(&mut image, &self.watches);
        header.actions = put(&mut image, &self.actions);
        header.generators = put(&mut image, &self.generators);
        header.stored = put(&mut image, &self.stored);
        header.timers = put(&mut image, &self.timers);
        header.text = Table { offset: image.len() as u64, count: self.text.len() as u64 };
        image.extend_from_slice(&self.text);
        if image.len() as u64 > room {
            return refuse("failed", "the image's tables are larger than reckoned");
        }
        image.resize(room as usize, 0);
        image[..size_of::<Header>()].copy_from_slice(bytes_of(&[header]));
        let words: Vec<u64> =
            image.chunks_exact(8).filter_map(|word| word.first_chunk().copied().map(u64::from_ne_bytes)).collect();
        header.checksum = checksum(&words);
        image[..size_of::<Header>()].copy_from_slice(bytes_of(&[header]));
        file.set_len(bytes).step("ftruncate")?;
        file.write_all_at(&image, 0).or_refuse("space", "the image cannot be written")
    }
}

fn put<T: Plain>(image: &mut Vec<u8>, values: &[T]) -> Table {
    image.resize(image.len().next_multiple_of(8), 0);
    let table = Table { offset: image.len() as u64, count: values.len() as u64 };
    image.extend_from_slice(bytes_of(values));
    table
}
