package io.flinkkubeha.bridge;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * What a call over the boundary costs, and how soon Java hears of what happens on the native side.
 *
 * <p>The property {@code session} holds the settings of a session, with commas: of a process that
 * only looks for leaders, beside one that leads.
 */
@State(Scope.Benchmark)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class BridgeBenchmark {

    private long session;
    private Thread pump;
    private volatile boolean ended;
    private volatile long heardAt;

    @Setup
    public void open() throws Exception {
        NativeLibrary.load();
        NativeBindings.setLogLevel("off");
        final SessionSettings settings = new SessionSettings();
        for (String setting : System.getProperty("session").split(",")) {
            final int equals = setting.indexOf('=');
            settings.with(setting.substring(0, equals), setting.substring(equals + 1));
        }
        session = NativeBindings.openSession(settings.toArray());
        NativeBindings.awaitReady(session, 30_000);
        pump = new Thread(this::pump, "pump");
        pump.setDaemon(true);
        pump.start();
    }

    /** As the pump of a session: one thread that waits on the native side. */
    private void pump() {
        try {
            while (!ended) {
                final String[] event = NativeBindings.takeEvent(session, 1_000);
                if (event != null && event.length > 0) {
                    heardAt = System.nanoTime();
                }
            }
        } catch (NativeException e) {
            ended = true;
        }
    }

    @TearDown
    public void close() throws Exception {
        ended = true;
        NativeBindings.closeSession(session, 5_000);
        pump.join(5_000);
    }

    /** A number in, nothing out. */
    @Benchmark
    @BenchmarkMode(Mode.AverageTime)
    public void pulse() throws Exception {
        NativeBindings.pulse(session);
    }

    /** What Flink asks before each of its steps as a leader. */
    @Benchmark
    @BenchmarkMode(Mode.AverageTime)
    public boolean hasLeadership() throws Exception {
        return NativeBindings.hasLeadership(session, 1);
    }

    /** A string out. */
    @Benchmark
    @BenchmarkMode(Mode.AverageTime)
    public String version() {
        return NativeBindings.version();
    }

    /** A pump that sleeps, as it nearly always does. */
    @State(Scope.Thread)
    public static class Asleep {
        @Setup(Level.Invocation)
        public void wait(BridgeBenchmark bridge) {
            LockSupport.parkNanos(500_000);
        }
    }

    /**
     * From asking for a leader that is known to the event in Java: the task of the election wakes
     * up, and then the pump.
     */
    @Benchmark
    @BenchmarkMode(Mode.SampleTime)
    public long wakeUp(Asleep asleep) throws Exception {
        final long before = System.nanoTime();
        final long subscription = NativeBindings.watchLeader(session, "dispatcher");
        while (heardAt - before < 0) {
            if (ended) {
                throw new IllegalStateException("The session has ended.");
            }
            Thread.onSpinWait();
        }
        NativeBindings.unwatchLeader(session, subscription);
        return heardAt;
    }
}
