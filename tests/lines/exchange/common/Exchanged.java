package io.flinkkubeha.tests.exchange;

/**
 * One kind of HA data. What {@code write} answers on one side, {@code read} has to answer on the
 * other.
 */
interface Exchanged {

    String name();

    Object write() throws Exception;

    Object read() throws Exception;

    /** Goes on from what was read: finishes what the writer has begun, adds, replaces, removes. */
    Object finish() throws Exception;

    /** The process ends, the jobs do not. */
    default void suspend() throws Exception {}

    /** The jobs have ended. */
    default void clean() throws Exception {}
}
