//! Code for another process, whose thread waits in a system call: it waits there instead, and when that call returns, in a
//! copy of the process, renews OpenSSL's random generators before it goes on where the thread would have. It depends on
//! nothing but its own table and may lie anywhere. x86-64 only.
use std::arch::global_asm;

/// Generators that the table has room for.
pub const RENEWED_MAX: usize = 8;

/// What the code is told, right behind it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Renewing {
    /// the system call to wait in; its arguments are in the thread's registers
    pub call: u64,
    /// where the thread goes on, with that call's result
    pub back: u64,
    /// addresses of RAND_seed and RAND_poll; ended by zeros
    pub generators: [[u64; 2]; RENEWED_MAX],
    pub end: u64,
}

// The red zone below the stack pointer is left alone (System V ABI). XSAVE's area is 4 KiB: parts 0, 1, 2, 5, 6 and 7 end at
// 2,688 bytes. A signal that ends the call early must not be taken for its result: EINTR is -4. Who cannot renew a
// generator ends there (ud2): it must never go on as a copy that is like all others.
global_asm!(
    r#"
    .pushsection .rodata.thaw_renewing, "a", @progbits
    .balign 16
thaw_renewing_start:
    mov rax, [rip + thaw_renewing_table]
    syscall
    cmp rax, -4
    je thaw_renewing_start
thaw_renewing_woken:
    lea rsp, [rsp - 128]
    push rax
    push rdi
    push rsi
    push rdx
    push r8
    push r9
    push r10
    push rbx
    push rbp
    mov rbp, rsp
    sub rsp, 4096
    and rsp, -64
    xor eax, eax
    mov [rsp + 512], rax
    mov [rsp + 520], rax
    mov [rsp + 528], rax
    mov [rsp + 536], rax
    mov [rsp + 544], rax
    mov [rsp + 552], rax
    mov [rsp + 560], rax
    mov [rsp + 568], rax
    mov eax, 0xe7
    xor edx, edx
    xsave64 [rsp]
    sub rsp, 64
    lea rbx, [rip + thaw_renewing_table + 16]
2:
    cmp qword ptr [rbx], 0
    je 3f
    mov eax, 318
    mov rdi, rsp
    mov esi, 48
    xor edx, edx
    syscall
    cmp rax, 48
    jne 4f
    mov rdi, rsp
    mov esi, 48
    call [rbx]
    call [rbx + 8]
    test eax, eax
    jle 4f
    add rbx, 16
    jmp 2b
3:
    add rsp, 64
    mov eax, 0xe7
    xor edx, edx
    xrstor64 [rsp]
    mov rsp, rbp
    pop rbp
    pop rbx
    pop r10
    pop r9
    pop r8
    pop rdx
    pop rsi
    pop rdi
    pop rax
    lea rsp, [rsp + 128]
    jmp [rip + thaw_renewing_table + 8]
4:
    ud2
    .balign 8
thaw_renewing_table:
    .popsection
    "#
);

unsafe extern "C" {
    static thaw_renewing_start: u8;
    static thaw_renewing_woken: u8;
    static thaw_renewing_table: u8;
}

/// The code with its table, and how many bytes of it are before the call's return.
pub fn renewing(table: &Renewing) -> (Vec<u8>, u64) {
    let (start, woken, end) =
        (&raw const thaw_renewing_start, &raw const thaw_renewing_woken, &raw const thaw_renewing_table);
    // SAFETY: three places of one piece of code, in this order; the table is made of numbers, without gaps.
    let (code, table) = unsafe {
        let code = std::slice::from_raw_parts(start, end.offset_from(start) as usize);
        (code, std::slice::from_raw_parts(std::ptr::from_ref(table).cast::<u8>(), size_of::<Renewing>()))
    };
    ([code, table].concat(), woken as u64 - start as u64)
}
