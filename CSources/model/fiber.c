// SPDX-License-Identifier: Apache-2.0
// A stack and a switch. By hand, since swapcontext saves the signal mask by a system call: ten times slower.
#include "engine.h"

#if defined(__x86_64__)

// Callee-saved registers and the stack pointer are all that a call must keep.
__asm__(".text\n"
        ".globl model_fiber_switch\n"
        ".type model_fiber_switch, @function\n"
        "model_fiber_switch:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    retq\n");

void *model_fiber_make(void *stack_end, void (*entry)(void)) {
    // At entry the stack is as after a call: 8 off a multiple of 16, the (empty) return address on top.
    void **top = stack_end;
    *--top = NULL;
    *--top = (void *)entry;
    for (int i = 0; i < 6; i++) *--top = NULL;
    return top;
}

#elif defined(__aarch64__)

__asm__(".text\n"
        ".globl model_fiber_switch\n"
        ".type model_fiber_switch, @function\n"
        "model_fiber_switch:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x2, sp\n"
        "    str x2, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n");

void *model_fiber_make(void *stack_end, void (*entry)(void)) {
    void **top = stack_end;
    for (int i = 0; i < 20; i++) *--top = NULL;
    top[11] = (void *)entry; // x30
    return top;
}

#else
#error "a stack switch for this processor is missing"
#endif
