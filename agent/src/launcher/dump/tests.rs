//! Images of real processes.
use super::descriptors::Link;
use super::fixture::{Image, Sandbox};
use super::learn::Lessons;
use super::process::only_child;
use super::take::{take, unfinished};
use crate::image::format::*;
use crate::image::working_set;
use crate::sys::{self, values_of};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

#[test]
fn an_image_has_every_thread_where_it_waits() {
    let program = r#"
import threading, time
for number in range(3): threading.Thread(target=time.sleep, args=(1000 + number,), daemon=True).start()
"#;
    let Some(mut sandbox) = Sandbox::start("threads", program) else { return };
    let facts = sandbox.dump(&Link::Frames).unwrap();
    println!("{facts:?}");
    let image = Image::read(&sandbox);
    let threads: Vec<Thread> = image.table(image.header.threads);
    assert_eq!((threads.len(), facts.threads, facts.sockets), (4, 4, 0));
    assert_eq!(threads[0].number, image.header.pid);
    assert!(threads[1..].is_sorted_by_key(|thread| thread.number));
    for thread in &threads {
        assert_eq!((thread.frame % 64, thread.frame_bytes > FRAME_STATE + 576), (0, true));
        assert_ne!((thread.fs_base, thread.clear_tid, thread.robust), (0, 0, 0));
        // flags, distance of the state, its two magic numbers
        assert_eq!((image.word(thread, 0), image.word(thread, 224)), (7, TABLES + thread.frame + FRAME_STATE));
        assert_eq!(image.word(thread, FRAME_STATE + 464) as u32, 0x4650_5853);
        let size = image.word(thread, FRAME_STATE + 480) as u32;
        assert_eq!(thread.frame_bytes, FRAME_STATE + u64::from(size) + 4);
        let end = &image.bytes[(thread.frame + thread.frame_bytes - 4) as usize..][..4];
        assert_eq!(end, 0x4650_5845u32.to_le_bytes());
        // it does anew what it waits for
        assert!([0, 230, 202, 270, 271].contains(&image.word(thread, 144)), "call {}", image.word(thread, 144));
    }
    assert_eq!(image.word(&threads[0], 144), libc::SYS_read as u64, "the runtime reads its link");
    assert_eq!(image.word(&threads[0], 104), 3);
    assert_eq!(fs::metadata(&sandbox.image).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(!unfinished(&sandbox.image).exists());
    sandbox.assert_lives();
}

#[test]
fn an_image_has_what_a_process_has_written_and_no_zeros() {
    let program = r#"
import mmap, ctypes
big = mmap.mmap(-1, 64 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
big.write(b'\0' * (32 << 20))
big.seek(5 << 20); big.write(b'thaw-marker')
hidden = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
hidden.write(b'thaw-hidden')
address = lambda m: ctypes.addressof(ctypes.c_char.from_buffer(m))
ctypes.CDLL(None).mprotect(ctypes.c_void_p(address(hidden)), 4096, 0)
import os
os.write(3, b'ready')
os.read(3, 100)
ready = f'{address(big)} {address(hidden)}'.encode()
"#;
    let Some(mut sandbox) = Sandbox::start("memory", program) else { return };
    sandbox.input.as_mut().unwrap().write_all(b"where\n").unwrap();
    let addresses: Vec<u64> = sandbox.answer().split(' ').map(|text| text.parse().unwrap()).collect();
    let facts = sandbox.dump(&Link::Frames).unwrap();
    println!("{facts:?}");
    let image = Image::read(&sandbox);
    assert_eq!(image.memory(addresses[0] + (5 << 20), 11).unwrap(), b"thaw-marker");
    assert_eq!(image.memory(addresses[0] + (9 << 20), 1), None, "zeros are left out");
    assert_eq!(image.memory(addresses[1], 11).unwrap(), b"thaw-hidden");
    assert!(facts.bytes < 32 << 20);

    let maps = image.maps();
    let bases: Vec<&Map> = maps.iter().filter(|map| map.kind != MAP_IMAGE).collect();
    assert!(bases.windows(2).all(|two| two[0].end <= two[1].start), "ascending, side by side");
    assert_eq!(bases.iter().filter(|map| map.kind == MAP_STACK).count(), 1);
    for map in maps.iter().filter(|map| map.kind == MAP_IMAGE) {
        assert!(bases.iter().any(|base| base.start <= map.start && map.end <= base.end));
        assert_eq!(map.offset % PAGE, 0);
        assert!(map.offset >= image.header.tables && map.offset + map.end - map.start <= image.header.bytes);
    }
    let memory = image.header.memory;
    assert!(memory.start_brk != 0 && memory.brk >= memory.start_brk && memory.start_stack != 0);
    let [vvar, _, vdso] = image.header.kernel;
    assert!(vvar.end > vvar.start && vdso.end > vdso.start);
    sandbox.assert_lives();
}

#[test]
fn an_image_is_told_once_what_its_copies_write_to() {
    let Some(mut sandbox) = Sandbox::start("learns", "") else { return };
    sandbox.dump(&Link::Frames).unwrap();
    let open = || fs::File::open(&sandbox.image).unwrap().into();
    let path = sandbox.image.to_str().unwrap();
    let mut lessons = Lessons::default();
    // not of another image that has its name now
    let lesson = lessons.of(path, &open()).expect("nobody has told it");
    fs::copy(path, format!("{path}.other")).unwrap();
    let first = fs::read(path).unwrap();
    fs::rename(format!("{path}.other"), path).unwrap();
    lesson.learn(sandbox.agent.id() as i32).unwrap();
    assert!(fs::read(path).unwrap() == first);

    let lesson = lessons.of(path, &open()).expect("still nobody");
    lesson.learn(sandbox.agent.id() as i32).unwrap();
    let image = Image::read(&sandbox);
    let words: Vec<u64> = values_of(&image.bytes[image.header.working_set as usize..]);
    let entries = working_set::checked(&words, &image.maps());
    // the process that was dumped has all of its memory for itself
    assert!(entries.len() > 20, "{entries:x?}");
    let tables = |bytes: &[u8]| bytes[..image.header.working_set as usize].to_vec();
    assert!(tables(&first) == tables(&image.bytes), "and nothing else has changed");
    assert!(lessons.of(path, &open()).is_none());
    sandbox.assert_lives();
}

#[test]
fn an_image_redirects_madvise_and_names_the_generators() {
    let Some(sandbox) = Sandbox::start("libraries", "import ssl") else { return };
    let facts = sandbox.dump(&Link::Frames).unwrap();
    let image = Image::read(&sandbox);
    assert!(!facts.copied && image.header.madvise_error != 0);
    // glibc's error path is behind the function's 16 or 20 bytes and a byte or so
    let near = image.header.madvise_error - 20..image.header.madvise_error;
    let jump = [&[0xff, 0x25, 0, 0, 0, 0][..], &LOADER_MADVISE.to_le_bytes()].concat();
    assert!(near.into_iter().any(|start| image.memory(start, 14) == Some(&jump)));

    let files: Vec<File> = image.table(image.header.files);
    let names: Vec<String> = files.iter().map(|file| String::from_utf8_lossy(image.text(file.path)).into()).collect();
    assert!(names.iter().all(|name| name.starts_with('/')));
    let crypto = names.iter().position(|name| name.contains("libcrypto")).expect("ssl brings it") as u32;
    let generators: Vec<Generator> = image.table(image.header.generators);
    let code: Vec<Map> = image.maps().into_iter().filter(|map| map.kind == MAP_FILE && map.file == crypto).collect();
    let inside = |address| code.iter().any(|map| map.protection & 4 != 0 && (map.start..map.end).contains(&address));
    assert_eq!(generators.len(), 1);
    assert!(inside(generators[0].seed) && inside(generators[0].poll));
}

#[test]
fn an_image_has_every_descriptor_a_copy_can_have() {
    let program = r#"
import os, select, socket, signal
def put(number, fd): os.dup2(fd, number)
event = os.eventfd(7, os.EFD_NONBLOCK); put(20, event)
r, w = os.pipe(); os.write(w, b'in the pipe'); put(21, r); put(22, w)
a, b = socket.socketpair(); a.send(b'in the pair'); a.setblocking(False)
put(23, a.fileno()); put(24, b.fileno())
outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); put(25, outside.fileno())
f = os.open('/etc/passwd', os.O_RDONLY); os.lseek(f, 10, 0); put(26, f)
e = select.epoll(); e.register(20, select.EPOLLIN | select.EPOLLET); e.register(3, select.EPOLLOUT); put(27, e.fileno())
closed, one = socket.socketpair(); put(28, one.fileno()); closed.close()
for one in (event, r, w, f): os.close(one)
for one in (a, b, outside): one.detach()
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
os.umask(0o27)
os.chdir('/usr')
"#;
    let Some(mut sandbox) = Sandbox::start("descriptors", program) else { return };
    let facts = sandbox.dump(&Link::Frames).unwrap();
    let image = Image::read(&sandbox);
    let all = image.descriptors();
    assert!(all.is_sorted_by_key(|descriptor| descriptor.number));
    let of = |number: i32| {
        let found = *all.iter().find(|descriptor| descriptor.number == number).unwrap();
        if found.kind != FD_SAME {
            return found;
        }
        // its lower number is the first
        Descriptor { number, ..*all.iter().find(|other| other.number as u64 == found.a).unwrap() }
    };
    let kinds: Vec<u32> = (0..4).map(|number| of(number).kind).collect();
    assert_eq!(kinds, [FD_FILE, FD_OUTPUT, FD_OUTPUT, FD_LINK]);
    assert_eq!((of(1).a, of(2).a, image.text(of(0).text)), (1, 2, &b"/dev/null"[..]));
    assert_eq!((of(20).kind, of(20).a, of(20).b), (FD_EVENT, 7, 0));
    assert_ne!(of(20).status & libc::O_NONBLOCK as u32, 0);
    assert_eq!((of(21).kind, of(21).b, image.text(of(21).text)), (FD_PIPE, 0, &b"in the pipe"[..]));
    assert_eq!((of(22).kind, of(22).b, of(22).a == of(21).a), (FD_PIPE, 1, true));
    assert_eq!((of(23).kind, of(24).kind), (FD_PAIR, FD_PAIR));
    assert!(of(23).a == of(24).a && of(23).b != of(24).b);
    assert_eq!((image.text(of(23).text), image.text(of(24).text)), (&b""[..], &b"in the pair"[..]));
    // not the one whose other end nobody has
    assert_eq!((of(25).kind, of(28).kind, facts.sockets), (FD_DEAD, FD_DEAD, 1));
    assert_eq!((of(26).kind, of(26).a, image.text(of(26).text)), (FD_FILE, 10, &b"/etc/passwd"[..]));
    assert_eq!(of(27).kind, FD_EPOLL);
    let watches: Vec<Watch> = image.table(image.header.watches);
    let targets: Vec<(i32, u32)> = watches.iter().map(|watch| (watch.target, watch.events & 5)).collect();
    assert!(targets.contains(&(20, 1)) && targets.contains(&(3, 4)), "{targets:?}");

    let actions: Vec<Action> = image.table(image.header.actions);
    assert!(actions.len() == 65 && actions[libc::SIGUSR1 as usize].handler > 1);
    assert_eq!(actions[libc::SIGPIPE as usize].handler, libc::SIG_IGN as u64);
    let main: Thread = image.table(image.header.threads)[0];
    assert_eq!(image.word(&main, 296), 1 << (libc::SIGUSR2 - 1), "blocked signals");
    assert_eq!((image.header.umask, image.text(image.header.directory)), (0o27, &b"/usr"[..]));
    sandbox.assert_lives();
}

#[test]
fn what_cannot_be_copied_is_refused_and_the_process_runs_on() {
    let programs = [
        ("children", "import subprocess; p = subprocess.Popen(['sleep', '30'], close_fds=True)"),
        ("children", "import os; os.fork() or os._exit(0)"),
        ("tmp", "import os; os.mkfifo('/tmp/x')"),
        ("tmp", "open('/tmp/x', 'w').truncate(40 << 20)"),
        ("timer", "import signal; signal.alarm(1000)"),
        ("socket", "import socket; s = socket.socket(); s.listen()"),
        ("file", "f = open('/tmp/x', 'w'); import os; os.unlink('/tmp/x')"),
        ("memory", "import mmap; m = mmap.mmap(-1, 4096)"),
        ("pipe", "import os; r, w = os.pipe(); os.close(w)"),
        ("descriptor", "import os; m = os.open('/usr', os.O_RDONLY); os.dup2(m, 600)"),
        ("signal", "import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, [10]); os.kill(os.getpid(), 10)"),
    ];
    for (at, (code, program)) in programs.into_iter().enumerate() {
        let Some(mut sandbox) = Sandbox::start(&format!("refused{at}"), program) else { return };
        let refusal = sandbox.refusal();
        assert_eq!(refusal.code, code, "{program}: {refusal:?}");
    }
}

#[test]
fn a_process_that_resists_is_refused_or_copied_and_holds_nobody_up() {
    let programs = [
        // never asleep, in its own code
        r#"
import threading
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
"#,
        // threads come and go all the time
        r#"
import threading
def breed():
    while True:
        thread = threading.Thread(target=int); thread.start(); thread.join()
for _ in range(4): threading.Thread(target=breed, daemon=True).start()
"#,
        // a page somewhere in 16 TB
        "import mmap; m = mmap.mmap(-1, 16 << 40, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000); m[5 << 40] = 1",
    ];
    for (at, program) in programs.into_iter().enumerate() {
        let Some(mut sandbox) = Sandbox::start(&format!("resists{at}"), program) else { return };
        let begin = std::time::Instant::now();
        let taken = sandbox.dump(&Link::Frames);
        println!("{at}: {taken:?}");
        assert!(begin.elapsed().as_secs() < 20);
        match (at, taken) {
            (0, taken) => assert_eq!(taken.unwrap().threads, 2),
            (1, Ok(_)) => {}
            // so many threads use up the numbers of a machine, too
            (1, Err(refusal)) => assert!(["busy", "threads"].contains(&refusal.code), "{refusal:?}"),
            (_, taken) => assert_eq!(taken.unwrap_err().code, "memory"),
        }
        sandbox.assert_lives();
    }
}

#[test]
fn a_stopped_process_is_refused_and_stays_stopped() {
    let Some(mut sandbox) = Sandbox::start("stopped", "") else { return };
    let runtime = only_child(sandbox.agent.id() as i32).unwrap();
    sys::kill(runtime, sys::SIGSTOP);
    let state = || fs::read_to_string(format!("/proc/{runtime}/stat")).unwrap().split(' ').nth(2).unwrap().to_string();
    while state() != "T" {
        std::thread::yield_now();
    }
    assert_eq!(sandbox.dump(&Link::Frames).unwrap_err().code, "stopped");
    // it is woken for a moment to be stopped again
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while state() != "T" {
        assert!(std::time::Instant::now() < deadline, "it runs");
    }
    sys::kill(runtime, sys::SIGCONT);
    sandbox.assert_lives();
}

#[test]
fn the_original_waits_on_for_what_it_waited_for() {
    let program = r#"
import os, select, time
os.write(3, b'ready')
begin = time.monotonic()
found = select.poll().poll(700)
took = time.monotonic() - begin
ready = b'well' if took > 0.69 and found == [] else f'{took} {found}'.encode()
"#;
    let Some(mut sandbox) = Sandbox::start("waits", program) else { return };
    sandbox.dump(&Link::Frames).unwrap();
    sandbox.input.as_mut().unwrap().write_all(b"four\n").unwrap();
    // the answer to the word may have come with it
    assert!(sandbox.answer().starts_with("well"));
}

#[test]
fn a_runtime_that_has_gone_is_refused() {
    let Some(sandbox) = Sandbox::start("gone", "") else { return };
    assert_eq!(take(std::process::id() as i32, &Link::Frames, &sandbox.image).unwrap_err().code, "children");
    assert_eq!(take(i32::MAX, &Link::Frames, &sandbox.image).unwrap_err().code, "failed");
}
