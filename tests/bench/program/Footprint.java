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
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                held.put("resident KiB", Long.parseLong(line.replaceAll("\\D", "")));
            }
        }
        return held;
    }
}
