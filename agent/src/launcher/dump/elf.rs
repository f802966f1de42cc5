//! Symbols of mapped ELF files (elf(5)). The files may be a tenant's: nothing in them is believed without a look.
use std::fs::File;
use std::os::unix::fs::FileExt;

const SECTIONS_MAX: u16 = 4096;
const TABLE_MAX: u64 = 128 << 20;
const SEGMENTS_MAX: u16 = 256;
const PT_LOAD: u32 = 1;
const SHT_DYNSYM: u32 = 11;
const SYMBOL: usize = 24;
const STT_FUNC: u8 = 2;

/// Little-endian numbers at places of a piece of the file.
struct Piece(Vec<u8>);

impl Piece {
    fn read(file: &File, offset: u64, bytes: u64) -> Option<Piece> {
        let mut piece = vec![0; usize::try_from(bytes).ok().filter(|_| bytes <= TABLE_MAX)?];
        file.read_exact_at(&mut piece, offset).ok()?;
        Some(Piece(piece))
    }

    fn number<const BYTES: usize>(&self, at: usize) -> Option<[u8; BYTES]> {
        self.0.get(at..)?.first_chunk().copied()
    }

    fn short(&self, at: usize) -> Option<u16> {
        self.number(at).map(u16::from_le_bytes)
    }

    fn word(&self, at: usize) -> Option<u32> {
        self.number(at).map(u32::from_le_bytes)
    }

    fn long(&self, at: usize) -> Option<u64> {
        self.number(at).map(u64::from_le_bytes)
    }
}

/// A 64-bit ELF file that is mapped somewhere.
pub struct Elf<'a> {
    file: &'a File,
    header: Piece,
    /// to be added to the file's addresses
    bias: u64,
}

impl<'a> Elf<'a> {
    /// `start`: where the part of the file at `offset` is mapped. `None`: this is no such file.
    pub fn open(file: &'a File, start: u64, offset: u64) -> Option<Elf<'a>> {
        let header = Piece::read(file, 0, 64)?;
        if header.0[..6] != *b"\x7fELF\x02\x01" {
            return None;
        }
        let segments = header.short(56).filter(|count| *count <= SEGMENTS_MAX)?;
        let table = Piece::read(file, header.long(32)?, u64::from(segments) * 56)?;
        for segment in (0..usize::from(segments)).map(|index| index * 56) {
            let (from, address, bytes) =
                (table.long(segment + 8)?, table.long(segment + 16)?, table.long(segment + 32)?);
            // the mapping begins at the beginning of a page, the segment somewhere in it
            let begins = from & !0xfff;
            if table.word(segment)? == PT_LOAD && offset >= begins && offset < from.checked_add(bytes)? {
                let bias = start.wrapping_sub(address.wrapping_sub(from)).wrapping_sub(offset);
                return Some(Elf { file, header, bias });
            }
        }
        None
    }

    /// Addresses in the process of functions that the file exports, each `None` if it does not.
    pub fn functions<const COUNT: usize>(&self, names: [&str; COUNT]) -> [Option<u64>; COUNT] {
        let mut found = [None; COUNT];
        if self.look(&names, &mut found).is_none() {
            found = [None; COUNT];
        }
        found
    }

    fn look(&self, names: &[&str], found: &mut [Option<u64>]) -> Option<()> {
        let count = self.header.short(60).filter(|count| *count <= SECTIONS_MAX)?;
        let sections = Piece::read(self.file, self.header.long(40)?, u64::from(count) * 64)?;
        let is_symbols = |at: &usize| sections.word(at + 4) == Some(SHT_DYNSYM);
        let symbols = (0..usize::from(count)).map(|index| index * 64).find(is_symbols)?;
        let texts = usize::try_from(sections.word(symbols + 40)?).ok()?.checked_mul(64)?;
        let texts = Piece::read(self.file, sections.long(texts + 24)?, sections.long(texts + 32)?)?;
        let symbols = Piece::read(self.file, sections.long(symbols + 24)?, sections.long(symbols + 32)?)?;
        for symbol in (0..symbols.0.len() / SYMBOL).map(|index| index * SYMBOL) {
            let is_function = symbols.0[symbol + 4] & 0xf == STT_FUNC;
            let value = symbols.long(symbol + 8)?;
            if !is_function || value == 0 {
                continue;
            }
            let text = texts.0.get(symbols.word(symbol)? as usize..)?;
            for (name, place) in names.iter().zip(found.iter_mut()) {
                if text.starts_with(name.as_bytes()) && text.get(name.len()) == Some(&0) {
                    *place = Some(self.bias.wrapping_add(value));
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_elf_file_or_is_cut_short_has_no_functions() {
        let path = std::env::temp_dir().join(format!("elf-{}", std::process::id()));
        for content in [&b""[..], b"\x7fELF", &[0xff; 64], &[&b"\x7fELF\x02\x01"[..], &[0xff; 200]].concat()] {
            std::fs::write(&path, content).unwrap();
            assert!(Elf::open(&File::open(&path).unwrap(), 0x1000, 0).is_none());
        }
        std::fs::remove_file(path).unwrap();
    }
}
