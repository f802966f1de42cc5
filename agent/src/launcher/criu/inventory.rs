//! One number of one of CRIU's files. CRIU makes a user namespace when it restores a tree that was dumped from outside of
//! its user namespace, and wants to be root for that. Here it is inside already: the image must say that the tree was in
//! the same user namespace as the CRIU that dumped it (images/inventory.proto and core.proto of CRIU:
//! `inventory_entry.root_ids`, field 3, and `task_kobj_ids_entry.user_ns_id`, field 10).

const ROOT_IDS: u64 = 3;
const USER_NAMESPACE: u64 = 10;
/// Two magic numbers and the length of the message come before it.
const HEAD: usize = 12;

/// A field of a protocol buffer (protobuf.dev, "Encoding"): its number and where its contents lie.
struct Field {
    number: u64,
    value: u64,
    start: usize,
    end: usize,
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn find(bytes: &[u8], from: usize, to: usize, number: u64) -> Option<Field> {
    let mut at = from;
    while at < to {
        let key = varint(bytes, &mut at)?;
        let mut start = at;
        let mut value = 0;
        match key & 7 {
            0 => value = varint(bytes, &mut at)?,
            1 => at += 8,
            2 => {
                let length = usize::try_from(varint(bytes, &mut at)?).ok()?;
                start = at;
                at = at.checked_add(length)?;
            }
            5 => at += 4,
            _ => return None,
        }
        if at > to {
            return None;
        }
        if key >> 3 == number {
            return Some(Field { number, value, start, end: at });
        }
    }
    None
}

/// The user namespace that `ids-N.img` says its process was in.
pub fn user_namespace(ids: &[u8]) -> Option<u64> {
    find(ids, HEAD, ids.len(), USER_NAMESPACE).map(|field| field.value)
}

/// Puts CRIU into that user namespace in `inventory.img`. `None`: the file is not what we know, or the number has another
/// length (it counts kinds of things, from 1 up).
pub fn set_user_namespace(inventory: &mut [u8], value: u64) -> Option<()> {
    let ids = find(inventory, HEAD, inventory.len(), ROOT_IDS)?;
    let field = find(inventory, ids.start, ids.end, USER_NAMESPACE)?;
    debug_assert_eq!(field.number, USER_NAMESPACE);
    if value > 0x7f || field.end - field.start != 1 {
        return None;
    }
    inventory[field.start] = value as u8;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVENTORY: &[u8] = &[
        0x16, 0x31, 0x31, 0x58, 0x4e, 0, 0, 0, 0x12, 0, 0, 0, 0x08, 2, 0x10, 1, 0x1a, 8, 0x08, 1, 0x48, 6, 0x50, 7,
        0x58, 8, 0x20, 1, 0x50, 1,
    ];

    #[test]
    fn only_the_one_number_changes() {
        let mut changed = INVENTORY.to_vec();
        set_user_namespace(&mut changed, 9).unwrap();
        let different: Vec<_> = (0..changed.len()).filter(|at| changed[*at] != INVENTORY[*at]).collect();
        assert_eq!((different, changed[23]), (vec![23], 9));
        let ids: Vec<u8> = [&[0; HEAD][..], &changed[18..26]].concat();
        assert_eq!(user_namespace(&ids), Some(9));
    }

    #[test]
    fn what_is_cut_or_unknown_is_refused() {
        for length in 0..24 {
            assert_eq!(set_user_namespace(&mut INVENTORY[..length].to_vec(), 9), None, "{length} bytes");
        }
        assert_eq!(set_user_namespace(&mut INVENTORY.to_vec(), 300), None);
    }
}
