//! An empty ext4 file system, written as a few blocks into a sparse file: no program of the machine is needed, any size
//! takes 0.1 ms, and nothing is written that an empty file does not say already (its zeroes are the inode tables).
//! Layout: https://docs.kernel.org/filesystems/ext4/. No journal, no checksums and no copies of the super block: it
//! holds one sandbox's /tmp and dies with it.
use std::os::unix::fs::FileExt;

const BLOCK: u64 = 4096;
/// blocks of a group: as many as one block has bits
const GROUP: u64 = 8 * BLOCK;
const INODE: u64 = 256;
/// bytes for each inode that there is to be, mke2fs's default
const BYTES_PER_INODE: u64 = 16384;
const FEWEST_INODES: u64 = 1024;
const ROOT: u64 = 2;
/// numbers of inodes that the format keeps for itself
const RESERVED: u64 = 10;

const COMPATIBLE: u32 = 0x8 | 0x20 | 0x200; // extended attributes, indexed directories, chosen copies of the super block
const INCOMPATIBLE: u32 = 0x2 | 0x40; // types in directory entries, extents
const READ_ONLY_COMPATIBLE: u32 = 0x2 | 0x8 | 0x20 | 0x40; // large and huge files, many links, larger inodes

/// Sizes of a file system.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// of the whole image, in blocks
    blocks: u64,
    groups: u64,
    group_inodes: u64,
}

impl Format {
    /// One that holds `bytes` of files and little more.
    pub fn holding(bytes: u64) -> Format {
        let asked = bytes.div_ceil(BLOCK);
        // the kernel keeps 2 % of all blocks, at most 4096, for itself (ext4_calculate_resv_clusters)
        let data = asked + (asked / 48 + 2).min(4096) + 1;
        let inodes = (bytes / BYTES_PER_INODE).max(FEWEST_INODES);
        let mut groups = 1;
        loop {
            let group_inodes = inodes.div_ceil(groups).next_multiple_of(BLOCK / INODE);
            let format = Format { blocks: 0, groups, group_inodes };
            let first = 1 + format.descriptor_blocks();
            // the last group needs room for its own tables at least
            let least = (groups - 1) * GROUP + 2 + format.table_blocks() + if groups == 1 { first + 1 } else { 0 };
            let blocks = (data + first + groups * (2 + format.table_blocks())).max(least);
            if blocks.div_ceil(GROUP) == groups {
                return Format { blocks, ..format };
            }
            groups += 1;
        }
    }

    /// Bytes of the image, most of them holes.
    pub fn bytes(&self) -> u64 {
        self.blocks * BLOCK
    }

    fn descriptor_blocks(&self) -> u64 {
        (self.groups * 32).div_ceil(BLOCK)
    }

    fn table_blocks(&self) -> u64 {
        self.group_inodes * INODE / BLOCK
    }

    /// First block of a group's tables: block bitmap, inode bitmap, inodes.
    fn tables(&self, group: u64) -> u64 {
        group * GROUP + if group == 0 { 1 + self.descriptor_blocks() } else { 0 }
    }

    /// The root directory's block.
    fn root_block(&self) -> u64 {
        self.tables(0) + 2 + self.table_blocks()
    }

    /// Blocks in use from the group's start on, and blocks that it has.
    fn extent(&self, group: u64) -> (u64, u64) {
        let used = self.tables(group) - group * GROUP + 2 + self.table_blocks() + u64::from(group == 0);
        (used, GROUP.min(self.blocks - group * GROUP))
    }

    fn free_blocks(&self) -> u64 {
        let free = |group| {
            let (used, size) = self.extent(group);
            size - used
        };
        (0..self.groups).map(free).sum()
    }

    /// Writes the file system over `bytes()` zeroes, in whole blocks. `seed`: 16 bytes nobody can guess, for its identity
    /// and its directories' hashes. `now`: seconds since 1970.
    pub fn write(&self, image: &impl FileExt, seed: &[u8; 16], now: u32) -> std::io::Result<()> {
        image.write_all_at(&block_with(1024, &self.super_block(seed, now)), 0)?;
        let mut descriptors = Vec::with_capacity((self.descriptor_blocks() * BLOCK) as usize);
        for group in 0..self.groups {
            let (used, size) = self.extent(group);
            let first = if group == 0 { RESERVED } else { 0 };
            let tables = self.tables(group);
            image.write_all_at(&bitmap(used, size), tables * BLOCK)?;
            image.write_all_at(&bitmap(first, self.group_inodes), (tables + 1) * BLOCK)?;
            let mut descriptor = Fields::new(32);
            descriptor.put32(0, tables).put32(4, tables + 1).put32(8, tables + 2);
            descriptor.put16(12, size - used).put16(14, self.group_inodes - first).put16(16, u64::from(group == 0));
            descriptors.extend(descriptor.0);
        }
        descriptors.resize((self.descriptor_blocks() * BLOCK) as usize, 0);
        image.write_all_at(&descriptors, BLOCK)?;
        let inodes = block_with(((ROOT - 1) * INODE) as usize, &self.root_inode(now));
        image.write_all_at(&inodes, (self.tables(0) + 2) * BLOCK)?;
        image.write_all_at(&root_entries(), self.root_block() * BLOCK)
    }

    fn super_block(&self, seed: &[u8; 16], now: u32) -> Vec<u8> {
        let inodes = self.group_inodes * self.groups;
        let mut block = Fields::new(1024);
        block.put32(0, inodes).put32(4, self.blocks).put32(12, self.free_blocks()).put32(16, inodes - RESERVED);
        block.put32(24, 2).put32(28, 2); // blocks and clusters of 2^(10+2) bytes
        block.put32(32, GROUP).put32(36, GROUP).put32(40, self.group_inodes);
        block.put32(48, now.into()).put16(54, 0xffff).put16(56, 0xef53).put16(58, 1).put16(60, 1);
        block.put32(64, now.into()).put32(76, 1).put32(84, RESERVED + 1).put16(88, INODE);
        block.put32(92, COMPATIBLE.into()).put32(96, INCOMPATIBLE.into()).put32(100, READ_ONLY_COMPATIBLE.into());
        block.0[104..120].copy_from_slice(seed);
        block.0[236..252].copy_from_slice(seed);
        block.0[252] = 1; // hashes of directories: half MD4
        block.put32(352, 1).put16(348, 32).put16(350, 32);
        block.0
    }

    fn root_inode(&self, now: u32) -> Vec<u8> {
        let mut inode = Fields::new(INODE as usize);
        inode.put16(0, 0o040700).put32(4, BLOCK).put32(8, now.into()).put32(12, now.into()).put32(16, now.into());
        inode.put16(26, 2).put32(28, BLOCK / 512).put32(32, 0x80000);
        // a tree of extents without branches, with one leaf
        inode.put16(40, 0xf30a).put16(42, 1).put16(44, 4).put16(56, 1).put32(60, self.root_block());
        inode.put16(128, 32);
        inode.0
    }
}

/// A block of zeroes but for these bytes.
fn block_with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut block = vec![0; BLOCK as usize];
    block[at..at + bytes.len()].copy_from_slice(bytes);
    block
}

/// A block of bits: the first ones set, and those behind the end, which nobody may take.
fn bitmap(used: u64, size: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK as usize];
    let (used_bytes, size_bytes) = ((used / 8) as usize, (size / 8) as usize);
    block[..used_bytes].fill(0xff);
    block[(size_bytes + 1).min(BLOCK as usize)..].fill(0xff);
    if let Some(byte) = block.get_mut(used_bytes) {
        *byte |= (1 << (used % 8)) - 1;
    }
    if let Some(byte) = block.get_mut(size_bytes) {
        *byte |= 0xff << (size % 8);
    }
    block
}

/// "." and "..", the latter as long as what is left of the block.
fn root_entries() -> Vec<u8> {
    let mut block = Fields::new(BLOCK as usize);
    block.put32(0, ROOT).put16(4, 12);
    block.0[6..9].copy_from_slice(&[1, 2, b'.']);
    block.put32(12, ROOT).put16(16, BLOCK - 12);
    block.0[18..22].copy_from_slice(&[2, 2, b'.', b'.']);
    block.0
}

/// Little-endian numbers at offsets, as the documentation lists them.
struct Fields(Vec<u8>);

impl Fields {
    fn new(length: usize) -> Fields {
        Fields(vec![0; length])
    }

    fn put16(&mut self, at: usize, value: u64) -> &mut Fields {
        self.0[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
        self
    }

    fn put32(&mut self, at: usize, value: u64) -> &mut Fields {
        self.0[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const MIB: u64 = 1 << 20;

    #[test]
    fn every_size_has_room_for_what_was_asked_and_little_more() {
        for bytes in [MIB, 8 * MIB, 127 * MIB, 128 * MIB, 512 * MIB, 1023 * MIB, 10240 * MIB] {
            let format = Format::holding(bytes);
            let free = format.free_blocks() * BLOCK;
            // one more group may be needed for the tables of the last one
            assert!(free >= bytes && free <= bytes + bytes / 48 + 8 * MIB, "{bytes}: {free}");
            assert!(format.groups * 32 <= 3 * BLOCK && format.group_inodes <= GROUP);
        }
    }

    #[test]
    fn bits_are_set_before_what_is_free_and_behind_the_end() {
        for (used, size) in [(0, 8 * BLOCK), (3, 5), (8, 16), (1026, 8 * BLOCK), (17, 12_345), (8 * BLOCK, 8 * BLOCK)] {
            let bits = bitmap(used, size);
            assert_eq!(bits.len() as u64, BLOCK);
            for bit in 0..8 * BLOCK {
                let set = bits[(bit / 8) as usize] >> (bit % 8) & 1 == 1;
                assert_eq!(set, bit < used || bit >= size, "bit {bit} of {used} to {size}");
            }
        }
    }

    #[test]
    fn e2fsck_has_nothing_to_say() {
        if Command::new("e2fsck").arg("-V").output().is_err() {
            return;
        }
        for bytes in [MIB, 8 * MIB, 512 * MIB, 3000 * MIB, 10240 * MIB] {
            let path = std::env::temp_dir().join(format!("thaw-ext4-{}-{bytes}", std::process::id()));
            let image = std::fs::File::create(&path).unwrap();
            let format = Format::holding(bytes);
            image.set_len(format.bytes()).unwrap();
            format.write(&image, &[7; 16], 1_700_000_000).unwrap();
            let checked = Command::new("e2fsck").arg("-fn").arg(&path).output().unwrap();
            std::fs::remove_file(&path).unwrap();
            assert!(checked.status.success(), "{bytes}: {}", String::from_utf8_lossy(&checked.stdout));
        }
    }
}
