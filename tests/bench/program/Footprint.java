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

    private Footprint() {}

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

    static Object now() throws IOException {
        System.gc();
        final Map<String, Object> held = new LinkedHashMap<>();
        held.put("classes", ManagementFactory.getClassLoadingMXBean().getLoadedClassCount());
        held.put(
                "heap bytes",
                ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        // Of the kernel, so that native ones count.
        try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
            held.put("threads", threads.count());
        }
        held.put("resident KiB", status("VmRSS:"));
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
