package io.flinkkubeha.tests.bench;

import com.sun.management.OperatingSystemMXBean;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/** What this process holds. */
final class Footprint {

    private final long classes;
    private final long threads;
    private final long heapBytes;
    private final long residentKiB;

    private Footprint(long classes, long threads, long heapBytes, long residentKiB) {
        this.classes = classes;
        this.threads = threads;
        this.heapBytes = heapBytes;
        this.residentKiB = residentKiB;
    }

    /** Processor time of this process so far, in nanoseconds. */
    static long processorNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }

    /** The most that is resident is counted from now on. */
    static void forgetPeak() throws IOException {
        System.gc();
        Files.writeString(Path.of("/proc/self/clear_refs"), "5");
    }

    static long peakKibibytes() throws IOException {
        return status("VmHWM:");
    }

    static Footprint now() throws IOException {
        System.gc();
        return new Footprint(
                ManagementFactory.getClassLoadingMXBean().getLoadedClassCount(),
                threadCount(),
                ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
                status("VmRSS:"));
    }

    /** Of the kernel, so that native ones count. */
    private static long threadCount() throws IOException {
        try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
            return threads.count();
        }
    }

    /** What is held now, and what of it has come since then. */
    Object since(Footprint before) {
        final Map<String, Object> held = new LinkedHashMap<>();
        held.put("classes", classes);
        held.put("classes more", classes - before.classes);
        held.put("threads", threads);
        held.put("threads more", threads - before.threads);
        held.put("heap bytes", heapBytes);
        held.put("resident KiB", residentKiB);
        return held;
    }

    private static long status(String name) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith(name)) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new IOException("The kernel says nothing of " + name);
    }
}
