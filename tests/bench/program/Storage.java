package io.flinkkubeha.tests.bench;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.plugin.PluginUtils;
import org.apache.flink.runtime.blob.BlobKey;
import org.apache.flink.runtime.blob.BlobStoreService;
import org.apache.flink.runtime.blob.BlobUtils;
import org.apache.flink.runtime.blob.PermanentBlobKey;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;
import org.apache.flink.runtime.persistence.RetrievableStateStorageHelper;
import org.apache.flink.runtime.persistence.filesystem.FileSystemStateStorageHelper;
import org.apache.flink.runtime.state.RetrievableStateHandle;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The way of metadata and BLOBs between HA services and storage, without Kubernetes: through Flink's
 * own classes for it, with the plug-ins that are installed, or through those of the jar.
 */
final class Storage {

    private static final String PREFIX = "completedCheckpoint";

    private final RetrievableStateStorageHelper<byte[]> files;
    private final BlobStoreService blobs;

    private Storage(RetrievableStateStorageHelper<byte[]> files, BlobStoreService blobs) {
        this.files = files;
        this.blobs = blobs;
    }

    static Storage ofFlink(Configuration configuration) throws IOException {
        FileSystem.initialize(
                configuration, PluginUtils.createPluginManagerFromRootFolder(configuration));
        final Path root =
                HighAvailabilityServicesUtils.getClusterHighAvailableStoragePath(configuration);
        return new Storage(
                new FileSystemStateStorageHelper<>(root, PREFIX),
                BlobUtils.createBlobStoreFromConfig(configuration));
    }

    /** By name: the program is compiled without the jar. */
    @SuppressWarnings("unchecked")
    static Storage ofTheJar(Configuration configuration) throws ReflectiveOperationException {
        final String ours = "io.flinkkubeha.";
        Class.forName(ours + "bridge.NativeLibrary").getMethod("load").invoke(null);
        final Class<?> settings = Class.forName(ours + "config.StorageConfiguration");
        final Object read = settings.getMethod("of", Configuration.class).invoke(null, configuration);
        final Object root = settings.getMethod("clusterRoot").invoke(read);
        final Object storages =
                Class.forName(ours + "storage.StorageSelector")
                        .getMethod("select", settings)
                        .invoke(null, read);
        final Class<?> type = storages.getClass();
        return new Storage(
                (RetrievableStateStorageHelper<byte[]>)
                        Class.forName(ours + "storage.StateFiles")
                                .getConstructor(type, Path.class, String.class)
                                .newInstance(storages, root, PREFIX),
                (BlobStoreService)
                        Class.forName(ours + "storage.HaBlobStore")
                                .getConstructor(type, Path.class)
                                .newInstance(storages, root));
    }

    /** Objects of that size, one after the other: how long each took to write, read and delete. */
    Object objects(int bytes, int count) throws Exception {
        final byte[] state = new byte[bytes];
        ThreadLocalRandom.current().nextBytes(state);
        final List<Double> puts = new ArrayList<>();
        final List<Double> gets = new ArrayList<>();
        final List<Double> deletes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            final long before = System.nanoTime();
            final RetrievableStateHandle<byte[]> handle = files.store(state);
            puts.add(Bench.millisSince(before));
            final long written = System.nanoTime();
            final byte[] found = handle.retrieveState();
            gets.add(Bench.millisSince(written));
            if (found.length != bytes) {
                throw new IOException(found.length + " bytes came back instead of " + bytes);
            }
            final long read = System.nanoTime();
            handle.discardState();
            deletes.add(Bench.millisSince(read));
        }
        return Map.of("puts", puts, "gets", gets, "deletes", deletes);
    }

    /** A file as a BLOB: how long it took there and back, and the most that was resident meanwhile. */
    Object blob(File file) throws Exception {
        final Constructor<PermanentBlobKey> keys =
                PermanentBlobKey.class.getDeclaredConstructor(byte[].class);
        keys.setAccessible(true);
        final BlobKey key = keys.newInstance((Object) BlobUtils.calculateMessageDigest(file));
        final File back = new File(file.getPath() + ".back");
        Footprint.forgetPeak();
        final Map<String, Object> measured = new LinkedHashMap<>();
        final long before = System.nanoTime();
        blobs.put(file, Jobs.job(0), key);
        measured.put("put", Bench.millisSince(before));
        final long written = System.nanoTime();
        blobs.get(Jobs.job(0), key, back);
        measured.put("get", Bench.millisSince(written));
        measured.put("peak KiB", Footprint.peakKibibytes());
        if (back.length() != file.length()) {
            throw new IOException(back.length() + " bytes came back");
        }
        Files.delete(back.toPath());
        blobs.deleteAll(Jobs.job(0));
        return measured;
    }
}
